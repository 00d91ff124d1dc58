/* SPDX-License-Identifier: Apache-2.0 */
#include "run/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/macros.h"

#define JOB_SIZE_MAX ((size_t) 16 * 1024 * 1024) /* more than any execve() takes */

void job_say(int socket, RunWord word, int value, RunStep step) {
        const RunMessage m = { .version = RUN_PROTOCOL, .word = word, .value = value, .step = step };

        (void) send(socket, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- what was sent ---- */

static int receive_descriptors(int socket, int fds[static _RUN_FD_MAX]) {
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(int) * _RUN_FD_MAX)];
        } control = {};
        RunMessage m = {};
        struct iovec part = { .iov_base = &m, .iov_len = sizeof(m) };
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        struct cmsghdr *c;

        if (n <= 0)
                return n < 0 ? -errno : 0;
        c = CMSG_FIRSTHDR(&message);
        if (n != sizeof(m) || m.version != RUN_PROTOCOL || m.word != RUN_JOB || !c || c->cmsg_level != SOL_SOCKET ||
                        c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int) * _RUN_FD_MAX))
                return -EPROTO;
        memcpy(fds, CMSG_DATA(c), sizeof(int) * _RUN_FD_MAX);
        return 1;
}

static int read_all(int fd, char **ret, size_t *ret_size) {
        struct stat st;
        char *text;
        size_t n = 0;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size < (off_t) sizeof(RunJob) || (size_t) st.st_size > JOB_SIZE_MAX)
                return -EBADMSG;
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        while (n < (size_t) st.st_size) {
                ssize_t k = pread(fd, text + n, (size_t) st.st_size - n, (off_t) n);

                if (k <= 0) {
                        free(text);
                        return k < 0 ? -errno : -EBADMSG;
                }
                n += (size_t) k;
        }
        text[n] = '\0';
        *ret = text;
        *ret_size = n;
        return 0;
}

/* ---- the environment ---- */

/* Whether the variable tells of this unit, so that it replaces the caller's own. */
static bool is_of_unit(const char *entry) {
        return startswith(entry, "LEASE_NAME=") || startswith(entry, "LEASE_UNIT=") ||
               startswith(entry, "LEASE_INDEX=") || startswith(entry, "LEASE_MACHINE_ID=") ||
               startswith(entry, "LEASE_VERSION=") || startswith(entry, "INVOCATION_ID=");
}

/* Adds those variables of this process that tell of the unit. What else PID 1 has set is none of the command's
 * business. */
static void add_own(char **environment, size_t *n, size_t room) {
        for (char **e = environ; *e && *n < room; e++)
                if (is_of_unit(*e))
                        environment[(*n)++] = *e;
}

/* ---- the job ---- */

/* Takes the next string. NULL: there is none, or it does not end within the file. */
static char *take_string(char **at, const char *end) {
        char *s = *at;
        size_t n = s < end ? strnlen(s, (size_t) (end - s)) : 0;

        if (s >= end || s + n >= end)
                return NULL;
        *at = s + n + 1;
        return s;
}

static int split(Job *j, size_t size) {
        enum { OWN_MAX = 5 };
        char *at = j->text + sizeof(RunJob), *end = j->text + size;
        size_t n = 0;

        memcpy(&j->head, j->text, sizeof(RunJob));
        if (j->head.version != RUN_PROTOCOL || j->head.n_arguments < 1 || j->head.n_arguments > size ||
                        j->head.n_environment > size)
                return -EBADMSG;
        j->arguments = calloc(j->head.n_arguments + 1u, sizeof(char *));
        j->environment = calloc(j->head.n_environment + OWN_MAX + 1u, sizeof(char *));
        if (!j->arguments || !j->environment)
                return -ENOMEM;
        j->directory = take_string(&at, end);
        if (!j->directory)
                return -EBADMSG;
        for (size_t i = 0; i < j->head.n_arguments; i++)
                if (!(j->arguments[i] = take_string(&at, end)))
                        return -EBADMSG;
        for (size_t i = 0; i < j->head.n_environment; i++) {
                char *entry = take_string(&at, end);

                if (!entry)
                        return -EBADMSG;
                if (!is_of_unit(entry))
                        j->environment[n++] = entry;
        }
        add_own(j->environment, &n, j->head.n_environment + (size_t) OWN_MAX);
        return 0;
}

int job_receive(int socket, Job *ret) {
        size_t size = 0;
        int r = receive_descriptors(socket, ret->fds);

        if (r <= 0)
                return r;
        r = read_all(ret->fds[RUN_FD_JOB], &ret->text, &size);
        if (r >= 0)
                r = split(ret, size);
        return r < 0 ? r : 1;
}

/* ---- execution ---- */

static void fail(int socket, RunStep step, int code) {
        job_say(socket, RUN_FAILED, errno, step);
        _exit(code);
}

/* Gives the command the signals that a program has which a shell starts: PID 1 ignores some signals for its services,
 * and leased-run blocks some. */
static void reset_signals(void) {
        sigset_t none;

        for (int s = 1; s < NSIG; s++)
                (void) signal(s, SIG_DFL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

void job_execute(const Job *job, int socket) {
        reset_signals();
        (void) setsid();
        if (job->head.terminal && ioctl(job->fds[RUN_FD_STDIN], TIOCSCTTY, 0) < 0)
                fail(socket, RUN_STEP_TERMINAL, 126);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (dup2(job->fds[fd], fd) < 0)
                        fail(socket, RUN_STEP_EXECUTE, 126);
        (void) umask(job->head.umask & 0777);
        if (chdir(job->directory) < 0)
                fail(socket, RUN_STEP_DIRECTORY, 126);
        environ = job->environment; /* in its PATH execvp() looks for the program */
        (void) execvp(job->arguments[0], job->arguments);
        fail(socket, RUN_STEP_EXECUTE, errno == ENOENT ? 127 : 126);
        _exit(126);
}
