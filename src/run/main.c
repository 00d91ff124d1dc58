/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leased-run: the main process of a transient unit of "leasectl run", with one command as its child.
 *
 *     leased-run [UID GID GROUP,GROUP,...]
 *
 * PID 1 starts leased-run as root, behind the gate of the unit's lease. leased-run first takes on exactly the ids that
 * leased has learnt of the caller from the bus, and only then reads what the caller wants (protocol.h). So no byte
 * from the caller is looked at with rights that the caller does not have. Without arguments it stays root, for a
 * caller who is root.
 *
 * leased-run lives as long as both its command and leasectl. When the command ends, leased-run tells leasectl how, and
 * ends; PID 1 then ends what the command left behind. When leasectl is gone, leased-run ends, and PID 1 ends the
 * command. Should any of this hang or be stopped, the guard still stops and kills the unit in time, as it does for any
 * leased unit.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/job.h"
#include "util/log.h"
#include "util/macros.h"

enum { GROUPS_MAX = 65536 };

/* ---- whose rights ---- */

/* Reads a decimal number that ends at one of the characters of end, or at the end of the text. Returns where it ends;
 * NULL: it is none. */
static const char *parse_id(const char *text, const char *end, uint32_t *ret) {
        uint64_t n = 0;
        const char *p = text;

        for (; *p >= '0' && *p <= '9' && n <= UINT32_MAX; p++)
                n = n * 10 + (uint64_t) (*p - '0');
        if (p == text || n >= UINT32_MAX || !strchr(end, *p)) /* (uid_t) -1 means "leave it" */
                return NULL;
        *ret = (uint32_t) n;
        return p;
}

static int parse_groups(const char *text, gid_t **ret, size_t *ret_n) {
        gid_t *groups = calloc(GROUPS_MAX, sizeof(gid_t));
        size_t n = 0;

        if (!groups)
                return -ENOMEM;
        for (const char *p = text; *p && n < GROUPS_MAX; p += *p == ',') {
                p = parse_id(p, ",", groups + n++);
                if (!p) {
                        free(groups);
                        return -EINVAL;
                }
        }
        *ret = groups;
        *ret_n = n;
        return 0;
}

/* Sets the login uid. PID 1 leaves that of a service unset, and a process that finds it unset may set any: the command
 * could appear in the audit log as any user it likes. Once it is set, only somebody who may configure the audit can
 * change it. A kernel without audit has no login uid. */
static void set_login_uid(const char *uid) {
        int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

        if (fd >= 0) {
                (void) !write(fd, uid, strlen(uid)); /* refused where it is set already, as in some containers */
                (void) close(fd);
        }
}

/* Empties the set of capabilities that the command could inherit. systemd 257 fills it from the unit's bounding set,
 * and what leased-run itself needs is not for the caller. */
static int drop_inheritable(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};

        if (syscall(SYS_capget, &header, sets) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(sets); i++)
                sets[i].inheritable = 0;
        return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

static int become(char **ids) {
        _cleanup_free_ gid_t *groups = NULL;
        uint32_t uid, gid;
        size_t n;
        int r;

        if (!parse_id(ids[0], "", &uid) || !parse_id(ids[1], "", &gid) || uid == 0)
                return -EINVAL;
        r = parse_groups(ids[2], &groups, &n);
        if (r < 0)
                return r;
        set_login_uid(ids[0]);
        r = drop_inheritable();
        if (r < 0)
                return r;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setgroups(n, groups) < 0 || setresgid(gid, gid, gid) < 0 ||
                        setresuid(uid, uid, uid) < 0)
                return -errno;
        /* Check that there is no way back. */
        return setresuid((uid_t) -1, 0, (uid_t) -1) < 0 && getuid() == uid && geteuid() == uid ? 0 : -EPERM;
}

/* ---- the command ---- */

/* Signals that would end this process, and its command with it. They are passed on to the command, except for SIGCHLD
 * and PID 1's SIGTERM. */
static const int handled[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
        SIGPROF, SIGPIPE, SIGIO, SIGPWR, SIGXCPU, SIGXFSZ };

/* Returns a descriptor from which the signals can be read, or a negative errno. */
static int open_signals(void) {
        sigset_t set;
        int fd;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(handled); i++)
                (void) sigaddset(&set, handled[i]);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

typedef struct Run {
        int socket, signals;
        pid_t command; /* 0: not started yet */
        int code;      /* its exit code when it has ended; -1: it has not */
        bool stopping;
} Run;

/* Takes what signals have come. PID 1 sends its signals to every process of the unit, so the command has got SIGTERM
 * from PID 1 itself; others are passed on. */
static void take_signals(Run *r) {
        struct signalfd_siginfo info;
        int status;

        while (read(r->signals, &info, sizeof(info)) == sizeof(info))
                if (info.ssi_signo == SIGTERM && info.ssi_pid == 1) {
                        r->stopping = true;
                        job_say(r->socket, RUN_STOPPING, 0, 0);
                } else if (info.ssi_signo != SIGCHLD && r->command > 0)
                        (void) kill(r->command, (int) info.ssi_signo);
        if (r->command > 0 && r->code < 0 && waitpid(r->command, &status, WNOHANG) == r->command)
                r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* false: leasectl is gone. */
static bool take_words(Run *r) {
        RunMessage m = {};
        ssize_t n = recv(r->socket, &m, sizeof(m), MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        if (n == sizeof(m) && m.version == RUN_PROTOCOL && m.word == RUN_SIGNAL && m.value > 0 && m.value < NSIG &&
                        r->command > 0 && r->code < 0)
                (void) kill(r->command, m.value);
        return n > 0;
}

/* Waits until there is something to read from leasectl. false: PID 1 stops the unit first. */
static bool wait_for_job(Run *r) {
        struct pollfd fds[] = { { .fd = r->socket, .events = POLLIN }, { .fd = r->signals, .events = POLLIN } };

        while (!r->stopping && !fds[0].revents) {
                (void) poll(fds, ELEMENTSOF(fds), -1);
                take_signals(r);
        }
        return !r->stopping;
}

static int start(Run *r) {
        Job job = {};
        int k;

        job_say(r->socket, RUN_READY, 0, 0);
        if (!wait_for_job(r))
                return -ECANCELED;
        k = job_receive(r->socket, &job);
        if (k == 0)
                return -ECANCELED;
        if (k > 0) {
                r->command = fork();
                if (r->command == 0)
                        job_execute(&job, r->socket);
                k = r->command < 0 ? -errno : 0;
        }
        if (k < 0)
                job_say(r->socket, RUN_FAILED, -k, RUN_STEP_READ);
        /* If leased-run kept an end of a terminal or pipe open, nobody would ever see it closed. */
        for (int i = 0; i < _RUN_FD_MAX; i++)
                if (job.fds[i] > STDERR_FILENO)
                        (void) close(job.fds[i]);
        return k;
}

static int supervise(Run *r) {
        struct pollfd fds[] = { { .fd = r->socket, .events = POLLIN }, { .fd = r->signals, .events = POLLIN } };

        while (r->code < 0) {
                (void) poll(fds, ELEMENTSOF(fds), -1);
                take_signals(r);
                if (r->code < 0 && fds[0].revents && !take_words(r)) {
                        log_notice("leasectl is gone: its command is being ended");
                        return EXIT_FAILURE;
                }
        }
        job_say(r->socket, RUN_ENDED, r->code, 0);
        return r->code;
}

/* Tells leasectl why nothing is run: error, a negative errno. Returns the exit code. */
static int refuse(int socket, int error) {
        job_say(socket, RUN_FAILED, -error, RUN_STEP_READ);
        return EXIT_FAILURE;
}

int main(int argc, char **argv) {
        Run r = { .socket = STDIN_FILENO, .code = -1 };
        int k;

        if (argc != 1 && argc != 4) {
                log_error("leased-run is started by leased, for \"leasectl run\"");
                return EXIT_FAILURE;
        }
        r.signals = open_signals(); /* before all else, so that from here on a SIGTERM is kept for supervise() and ends
                                       nothing by itself */
        k = argc == 4 ? become(argv + 1) : 0;
        if (k < 0) {
                log_error_errno(k, "cannot take on the caller's ids");
                return refuse(r.socket, k);
        }
        if (!getenv("LEASE_INDEX")) {
                log_error("there is no LEASE_INDEX: nothing runs without its lease");
                return refuse(r.socket, -ENOKEY);
        }
        r.socket = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        k = r.signals < 0 ? r.signals : r.socket < 0 ? -errno : 0;
        if (k < 0) {
                log_error_errno(k, "cannot run anything");
                return refuse(STDIN_FILENO, k);
        }
        (void) close(STDIN_FILENO);
        k = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (k < 0 || start(&r) < 0)
                return EXIT_FAILURE;
        return supervise(&r);
}
