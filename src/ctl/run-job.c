/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/run-job.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/protocol.h"
#include "util/file-util.h"

/* ---- the file ---- */

static int write_string(int fd, const char *s) {
        return write_all(fd, s, strlen(s) + 1);
}

static bool is_same_name(const char *entry, const char *setting) {
        size_t n = strcspn(setting, "=");

        return strncmp(entry, setting, n) == 0 && entry[n] == '=';
}

static bool is_set_anew(const char *entry, char *const *settings) {
        for (; settings && *settings; settings++)
                if (is_same_name(entry, *settings))
                        return true;
        return false;
}

/* Writes our environment, with what --setenv= says in place of or after it. *ret_n is the number of variables. With
 * fd -1 they are only counted. */
static int write_environment(int fd, char *const *settings, uint32_t *ret_n) {
        int r = 0;

        *ret_n = 0;
        for (char **e = environ; *e && r >= 0; e++)
                if (!is_set_anew(*e, settings)) {
                        ++*ret_n;
                        r = fd < 0 ? 0 : write_string(fd, *e);
                }
        for (; settings && *settings && r >= 0; settings++) {
                ++*ret_n;
                r = fd < 0 ? 0 : write_string(fd, *settings);
        }
        return r;
}

/* Writes the working directory as a path that means the same wherever it is read. */
static int write_directory(int fd, const char *directory) {
        _cleanup_free_ char *here = NULL;
        int r = 0;

        if (!directory || *directory != '/') {
                here = get_current_dir_name();
                if (!here)
                        return -errno;
                r = write_all(fd, here, strlen(here));
        }
        if (r >= 0 && here && directory)
                r = write_all(fd, "/", 1);
        return r < 0 ? r : write_string(fd, strempty(directory));
}

static uint32_t current_umask(void) {
        mode_t mask = umask(0);

        (void) umask(mask);
        return mask;
}

static int write_job(int fd, const RunCommand *c, bool terminal) {
        RunJob job = { .version = RUN_PROTOCOL, .umask = current_umask(), .terminal = terminal };
        int r;

        while (c->arguments[job.n_arguments])
                job.n_arguments++;
        (void) write_environment(-1, c->settings, &job.n_environment);
        r = write_all(fd, &job, sizeof(job));
        if (r >= 0)
                r = write_directory(fd, c->directory);
        for (char **a = c->arguments; *a && r >= 0; a++)
                r = write_string(fd, *a);
        return r < 0 ? r : write_environment(fd, c->settings, &job.n_environment);
}

/* ---- words ---- */

static int send_descriptors(int socket, const int fds[static _RUN_FD_MAX]) {
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(int) * _RUN_FD_MAX)];
        } control = {};
        RunMessage m = { .version = RUN_PROTOCOL, .word = RUN_JOB };
        struct iovec part = { .iov_base = &m, .iov_len = sizeof(m) };
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * _RUN_FD_MAX);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * _RUN_FD_MAX);
        return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int run_job_send(int socket, const RunCommand *command, const int fds[static 3], bool terminal) {
        _cleanup_close_ int file = memfd_create("leasectl-run", MFD_CLOEXEC);
        int r = file < 0 ? -errno : write_job(file, command, terminal);

        return r < 0 ? r : send_descriptors(socket, (const int[_RUN_FD_MAX]){ fds[0], fds[1], fds[2], file });
}

void run_job_signal(int socket, int signal) {
        const RunMessage m = { .version = RUN_PROTOCOL, .word = RUN_SIGNAL, .value = signal };

        (void) send(socket, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
}
