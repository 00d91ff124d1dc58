/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/interrupt.h"
#include "util/file-util.h"
#include "util/text.h"

/* A program that writes more than this into memory is killed. */
#define OUTPUT_MAX (1024 * 1024)
/* How much is read at a time of what goes to a file. */
#define PIECE_SIZE (64 * 1024)

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

static int wait_end(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Gives for how long poll(2) is to wait. */
static int wait_ms(usec_t deadline) {
        usec_t left = usec_sub(deadline, now_boottime());

        return deadline == USEC_INFINITY ? -1
                                         : (int) MIN((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (usec_t) INT_MAX);
}

/* Waits until the process has ended, or the time has come. */
static bool ends_by(int pidfd, usec_t deadline) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        int r;

        do
                r = poll(&p, 1, wait_ms(deadline));
        while (r == 0 ? now_boottime() < deadline : r < 0 && errno == EINTR);
        return r > 0;
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

/* One of the outputs of a program. */
typedef struct Output {
        int pipe; /* -1: its end was read */
        int file; /* to where it is written on; -1: .text keeps it */
        char *text;
        size_t size, most; /* how much was read, and may be; .most 0: it is thrown away unread */
} Output;

static void output_done(Output *o) {
        closep(&o->pipe);
        free(o->text);
}

/* Begins to read what is written into *ret_writes, which the caller closes. */
static int output_begin(Output *o, int *ret_writes) {
        int fds[2];

        if (o->most == 0) {
                *ret_writes = open("/dev/null", O_WRONLY | O_CLOEXEC);
                return *ret_writes < 0 ? -errno : 0;
        }
        o->text = calloc(1, (o->file < 0 ? o->most : PIECE_SIZE) + 2);
        if (!o->text)
                return -ENOMEM;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        o->pipe = fds[0];
        *ret_writes = fds[1];
        return fcntl(o->pipe, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* Reads some of what is there. */
static int output_take(Output *o) {
        char *to = o->file < 0 ? o->text + o->size : o->text;
        ssize_t n = read(o->pipe, to, o->file < 0 ? o->most - o->size + 1 : PIECE_SIZE);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0) {
                closep(&o->pipe);
                o->pipe = -1;
                return 0;
        }
        if ((size_t) n > o->most - o->size)
                return -EFBIG;
        o->size += (size_t) n;
        return o->file < 0 ? 0 : write_all(o->file, to, (size_t) n);
}

/* Reads what the program writes until it has ended. What it has left running may hold the pipes open: only what is
 * there already is read then. */
static int follow(int pidfd, Output outputs[static 2], usec_t deadline) {
        bool over = false;

        for (;;) {
                struct pollfd p[] = { { .fd = outputs[0].pipe, .events = POLLIN },
                        { .fd = outputs[1].pipe, .events = POLLIN }, { .fd = over ? -1 : pidfd, .events = POLLIN } };
                int n = poll(p, ELEMENTSOF(p), over ? 0 : wait_ms(deadline));

                if (n < 0 && errno != EINTR)
                        return -errno;
                for (size_t i = 0; i < 2 && n > 0; i++) {
                        int r = p[i].revents != 0 ? output_take(outputs + i) : 0;

                        if (r < 0)
                                return r;
                }
                if (over && n == 0)
                        return 0;
                over = over || (n > 0 && p[2].revents != 0);
                if (!over && now_boottime() >= deadline)
                        return -ETIMEDOUT;
        }
}

/* Waits for the program, and kills it if its time is over or it writes too much. One that cannot be killed, since it
 * hangs in the kernel, is not waited for. */
static int attend(pid_t pid, bool leads, Output outputs[static 2], usec_t deadline) {
        _cleanup_close_ int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        int r = pidfd < 0 ? -errno : follow(pidfd, outputs, deadline);

        if (r == 0)
                return wait_end(pid);
        (void) kill(leads ? -pid : pid, SIGKILL);
        if (pidfd < 0 || ends_by(pidfd, usec_add(now_boottime(), USEC_PER_SEC)))
                (void) wait_end(pid);
        return r;
}

static int run(const char *const argv[], const char *input, bool leads, usec_t deadline, Output outputs[static 2]) {
        _cleanup_close_ int in = *input ? program_hold(input) : open("/dev/null", O_RDONLY | O_CLOEXEC);
        int writes[2] = { -1, -1 }, r = in >= 0 ? 0 : *input ? in : -errno;
        pid_t pid;

        for (size_t i = 0; i < 2 && r == 0; i++)
                r = output_begin(outputs + i, writes + i);
        if (r == 0)
                r = spawn(argv, (const int[]){ in, writes[0], writes[1] }, leads, &pid);
        closep(writes);
        closep(writes + 1);
        return r < 0 ? r : attend(pid, leads, outputs, deadline);
}

int program_feed(const char *const argv[], const char *input, usec_t limit, char **ret, char **ret_error) {
        Output outputs[2] = { { .pipe = -1, .file = -1, .most = ret ? OUTPUT_MAX : 0 },
                { .pipe = -1, .file = -1, .most = ret_error ? OUTPUT_MAX : 0 } };
        int r = run(argv, input, limit != USEC_INFINITY, usec_add(now_boottime(), limit), outputs);

        if (r >= 0 && ret)
                *ret = TAKE_PTR(outputs[0].text);
        if (r >= 0 && ret_error)
                *ret_error = TAKE_PTR(outputs[1].text);
        output_done(outputs);
        output_done(outputs + 1);
        return r;
}

int program_save(const char *const argv[], usec_t limit, size_t most, int file) {
        Output outputs[2] = { { .pipe = -1, .file = file, .most = most },
                { .pipe = -1, .file = -1, .most = OUTPUT_MAX } };
        int r = run(argv, "", false, usec_add(now_boottime(), limit), outputs);

        output_done(outputs);
        output_done(outputs + 1);
        return r;
}

const char *program_trouble(int r) {
        return r == -EFBIG ? ", it is too long" : r == -ETIMEDOUT ? ", it did not end in time" : "";
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

        interrupt_catch();
        for (size_t i = 0; i < n; i++) {
                int r;

                jobs[i].pidfd = jobs[i].out = -1;
                r = polled ? start_job(jobs + i) : -ENOMEM;
                if (r < 0)
                        end_job(jobs + i, r);
                else
                        left++;
        }
        while (left > 0 && now_boottime() < deadline && !interrupt_came()) {
                left = end_some(jobs, n, polled, MIN(deadline, usec_add(now_boottime(), MANY_POLL)));
                if (left > 0)
                        waits(jobs, userdata);
        }
        kill_jobs(jobs, n);
        interrupt_release();
}

int program_run_here(const char *const argv[]) {
        pid_t pid;
        int r = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *) argv, environ);

        return r != 0 ? -r : wait_end(pid);
}
