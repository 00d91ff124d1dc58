/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/file-util.h"
#include "util/text.h"

/* How much of the output of a program is read. */
#define OUTPUT_MAX (1024 * 1024)

extern char **environ;

bool program_is_installed(const char *name) {
        _cleanup_free_ char *path = strdup(getenv("PATH") ?: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin");

        if (!path)
                return false;
        for (char *save = NULL, *part = strtok_r(path, ":", &save); part; part = strtok_r(NULL, ":", &save)) {
                _cleanup_free_ char *file = text_format("%s/%s", part, name);

                if (file && access(file, X_OK) == 0)
                        return true;
        }
        return false;
}

/* Reads the output of a program from the file in memory into which it was written. A file cannot become full like a
 * pipe, so the program never waits. */
static char *read_back(int fd) {
        off_t size = lseek(fd, 0, SEEK_END);
        char *text = calloc(1, OUTPUT_MAX + 1);
        ssize_t n;

        if (!text || size < 0)
                return text;
        n = pread(fd, text, OUTPUT_MAX, 0);
        text[n < 0 ? 0 : n] = '\0';
        return text;
}

static int wait_end(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int program_hold(const char *text) {
        int fd = memfd_create("text", MFD_CLOEXEC), r;

        if (fd < 0)
                return -errno;
        r = write_all(fd, text, strlen(text));
        if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (r < 0) {
                closep(&fd);
                return r;
        }
        return fd;
}

int program_run(const char *const argv[], char **ret, char **ret_error) {
        return program_feed(argv, "", ret, ret_error);
}

int program_feed(const char *const argv[], const char *input, char **ret, char **ret_error) {
        _cleanup_close_ int out = memfd_create("stdout", MFD_CLOEXEC), error = memfd_create("stderr", MFD_CLOEXEC);
        _cleanup_close_ int in = *input ? program_hold(input) : open("/dev/null", O_RDONLY | O_CLOEXEC);
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int r;

        if (out < 0 || error < 0)
                return -errno;
        if (in < 0)
                return *input ? in : -errno;
        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
        if (r == 0)
                r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *) argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;
        r = wait_end(pid);
        if (ret)
                *ret = read_back(out);
        if (ret_error)
                *ret_error = read_back(error);
        return r;
}

int program_run_here(const char *const argv[]) {
        pid_t pid;
        int r = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *) argv, environ);

        return r != 0 ? -r : wait_end(pid);
}
