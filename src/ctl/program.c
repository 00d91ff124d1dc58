/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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

/* Waits until the process has ended, or the time has come. */
static bool ends_by(int pidfd, usec_t deadline) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        int r;

        do
                r = poll(&p, 1, (int) ((usec_sub(deadline, now_boottime()) + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
        while (r == 0 ? now_boottime() < deadline : r < 0 && errno == EINTR);
        return r > 0;
}

/* As wait_end(), for the leader of a process group that is killed when its time is over. One that cannot be killed,
 * since it hangs in the kernel, is not waited for. */
static int wait_end_by(pid_t pid, usec_t deadline) {
        _cleanup_close_ int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);

        if (pidfd < 0)
                return -errno;
        if (ends_by(pidfd, deadline))
                return wait_end(pid);
        (void) kill(-pid, SIGKILL);
        if (ends_by(pidfd, usec_add(now_boottime(), USEC_PER_SEC)))
                (void) wait_end(pid);
        return -ETIMEDOUT;
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

bool program_is_host(const char *name) {
        for (const char *c = name; *c; c++)
                if (!isalnum((unsigned char) *c) && !strchr(".-_@:[]", *c))
                        return false;
        return *name && *name != '-';
}

int program_run(const char *const argv[], char **ret, char **ret_error) {
        return program_feed(argv, "", USEC_INFINITY, ret, ret_error);
}

/* Begins the program. With a limit it leads a process group, so that what it has started can be killed with it. */
static int spawn(const char *const argv[], const int fds[static 3], bool limited, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return -r;
        r = posix_spawnattr_init(&attr);
        if (r != 0) {
                (void) posix_spawn_file_actions_destroy(&actions);
                return -r;
        }
        for (int i = 0; i < 3 && r == 0; i++)
                r = posix_spawn_file_actions_adddup2(&actions, fds[i], i);
        if (r == 0 && limited)
                r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
        if (r == 0)
                r = posix_spawnp(ret, argv[0], &actions, &attr, (char *const *) argv, environ);
        (void) posix_spawnattr_destroy(&attr);
        (void) posix_spawn_file_actions_destroy(&actions);
        return -r;
}

int program_feed(const char *const argv[], const char *input, usec_t limit, char **ret, char **ret_error) {
        usec_t deadline = usec_add(now_boottime(), limit);
        _cleanup_close_ int out = memfd_create("stdout", MFD_CLOEXEC), error = memfd_create("stderr", MFD_CLOEXEC);
        _cleanup_close_ int in = *input ? program_hold(input) : open("/dev/null", O_RDONLY | O_CLOEXEC);
        pid_t pid;
        int r;

        if (out < 0 || error < 0)
                return -errno;
        if (in < 0)
                return *input ? in : -errno;
        r = spawn(argv, (const int[]){ in, out, error }, limit != USEC_INFINITY, &pid);
        if (r < 0)
                return r;
        r = limit != USEC_INFINITY ? wait_end_by(pid, deadline) : wait_end(pid);
        if (r < 0)
                return r;
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
