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

/* ---- several side by side ---- */

/* How often waits() is called. */
#define MANY_POLL (200 * USEC_PER_MSEC)

/* Makes a file in memory that cannot become larger. Its place of writing, which its writers share with us, says how
 * much was written. */
static int make_output(size_t most) {
        int fd = memfd_create("stdout", MFD_CLOEXEC | MFD_ALLOW_SEALING), r;

        if (fd >= 0 && ftruncate(fd, (off_t) most) >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) >= 0)
                return fd;
        r = -errno;
        closep(&fd);
        return r;
}

static int start_job(ProgramJob *j) {
        _cleanup_close_ int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        int r;

        j->out = make_output(j->most);
        if (nothing < 0)
                return -errno;
        if (j->out < 0)
                return j->out;
        r = spawn(j->argv, (const int[]){ nothing, j->out, nothing }, true, &j->pid);
        if (r < 0)
                return r;
        j->pidfd = (int) syscall(SYS_pidfd_open, j->pid, 0);
        if (j->pidfd >= 0)
                return 0;
        r = -errno;
        (void) kill(-j->pid, SIGKILL);
        (void) wait_end(j->pid);
        return r;
}

static void end_job(ProgramJob *j, int code) {
        off_t size = j->out >= 0 ? lseek(j->out, 0, SEEK_CUR) : -1;

        j->code = code;
        j->output = code >= 0 && size >= 0 ? calloc(1, (size_t) size + 1) : NULL;
        if (j->output && pread(j->out, j->output, (size_t) size, 0) < size)
                j->output[0] = '\0';
        closep(&j->out);
        closep(&j->pidfd);
        j->out = j->pidfd = -1;
}

/* Waits until one of the jobs has ended, or the time has come, and ends those that have. Returns how many are left. */
static size_t end_some(ProgramJob *jobs, size_t n, struct pollfd *polled, usec_t until) {
        size_t left = 0;

        for (size_t i = 0; i < n; i++)
                polled[i] = (struct pollfd){ .fd = jobs[i].pidfd, .events = POLLIN };
        (void) poll(polled, n, (int) (usec_sub(until, now_boottime()) / USEC_PER_MSEC) + 1);
        for (size_t i = 0; i < n; i++) {
                if (jobs[i].pidfd >= 0 && polled[i].revents != 0)
                        end_job(jobs + i, wait_end(jobs[i].pid));
                left += jobs[i].pidfd >= 0;
        }
        return left;
}

/* Kills the jobs that are left. One that cannot be killed, since it hangs in the kernel, is not waited for. */
static void kill_jobs(ProgramJob *jobs, size_t n) {
        usec_t until = usec_add(now_boottime(), USEC_PER_SEC);

        for (size_t i = 0; i < n; i++)
                if (jobs[i].pidfd >= 0)
                        (void) kill(-jobs[i].pid, SIGKILL);
        for (size_t i = 0; i < n; i++) {
                if (jobs[i].pidfd < 0)
                        continue;
                if (ends_by(jobs[i].pidfd, until))
                        (void) wait_end(jobs[i].pid);
                end_job(jobs + i, -ETIMEDOUT);
        }
}

void program_run_many(ProgramJob *jobs, size_t n, usec_t limit, void (*waits)(const ProgramJob *jobs, void *userdata),
                void *userdata) {
        usec_t deadline = usec_add(now_boottime(), limit);
        _cleanup_free_ struct pollfd *polled = calloc(n + 1, sizeof(*polled));
        size_t left = 0;

        for (size_t i = 0; i < n; i++) {
                int r;

                jobs[i].pidfd = jobs[i].out = -1;
                r = polled ? start_job(jobs + i) : -ENOMEM;
                if (r < 0)
                        end_job(jobs + i, r);
                else
                        left++;
        }
        while (left > 0 && now_boottime() < deadline) {
                left = end_some(jobs, n, polled, MIN(deadline, usec_add(now_boottime(), MANY_POLL)));
                if (left > 0)
                        waits(jobs, userdata);
        }
        kill_jobs(jobs, n);
}

int program_run_here(const char *const argv[]) {
        pid_t pid;
        int r = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *) argv, environ);

        return r != 0 ? -r : wait_end(pid);
}
