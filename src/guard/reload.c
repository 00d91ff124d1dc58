/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cgroup.h"
#include "util/file-util.h"
#include "util/log.h"
#include "util/text.h"
#include "util/time-util.h"

/* How long the reload waits for the guard. Not longer, because the start of a leased unit waits for the reload. */
#define WAIT (5 * USEC_PER_SEC)
#define LOOK_EVERY_MS 10
#define ENVIRONMENT_SIZE_MAX 262144u

/* Moves this process from the sub-group .control, in which PID 1 has started it, into the guard's own group, and
 * removes the sub-group. If the sub-group stayed, a write to the cgroup.kill of the guard's group would reach it, too,
 * and Linux 6.18 would kill at birth the --wipe that systemd 257 starts in it (law 9). */
static int leave_control_group(void) {
        _cleanup_free_ char *group = NULL, *path = NULL, *processes = NULL;
        int r = cgroup_of_process("self", &group);

        if (r < 0 || !endswith(group, "/.control"))
                return r;
        path = text_format(CGROUP_ROOT "%s", group);
        processes = path ? text_format("%s/../cgroup.procs", path) : NULL;
        if (!processes)
                return -ENOMEM;

        _cleanup_close_ int fd = open(processes, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = write_all(fd, "0", 1); /* 0: this process */
        return r < 0 ? r : rmdir(path) < 0 ? -errno : 0;
}

/* Whether the process blocks SIGHUP, and so reads the signal as a request. A guard of a version that knows no
 * hand-over does not block SIGHUP, and would be killed. */
static bool reads_sighup(pid_t pid) {
        _cleanup_free_ char *text = NULL;
        const char *line;
        uint64_t blocked;
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
        if (read_file(path, 65536, &text, NULL) < 0)
                return false;
        line = strstr(text, "\nSigBlk:");
        return line && sscanf(line, "\nSigBlk: %" SCNx64, &blocked) == 1 && (blocked >> (SIGHUP - 1) & 1);
}

/* Returns 1 if the process runs this very program, 0 if another one, or a negative errno: it is gone. */
static int runs_this_program(pid_t pid) {
        struct stat theirs, ours;
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/exe", (int) pid);
        if (stat(path, &theirs) < 0 || stat("/proc/self/exe", &ours) < 0)
                return -errno;
        return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/* Gives when the process was executed by a guard that handed over, as its environment says; 0: it was not. */
static uint64_t handed_over_at(pid_t pid) {
        _cleanup_free_ char *text = NULL;
        uint64_t at = 0;
        char path[64];
        size_t size;

        (void) snprintf(path, sizeof(path), "/proc/%d/environ", (int) pid);
        if (read_file(path, ENVIRONMENT_SIZE_MAX, &text, &size) < 0)
                return 0;
        for (const char *p = text; p < text + size; p += strlen(p) + 1)
                if (startswith(p, HANDED_OVER_AT "="))
                        (void) sscanf(p, HANDED_OVER_AT "=%" SCNu64, &at);
        return at;
}

/* Returns 1 if the guard has handed over to this program since the request, 0 if it has not, or a negative errno: it
 * is gone. before: handed_over_at() before the request, if the guard ran this very program even then, or UINT64_MAX.
 */
static int has_handed_over(pid_t guard, uint64_t before) {
        int r = runs_this_program(guard);

        return r <= 0 || before == UINT64_MAX ? r : handed_over_at(guard) != before;
}

int reload_guard(pid_t guard) {
        usec_t end = usec_add(now_boottime(), WAIT);
        uint64_t before = runs_this_program(guard) > 0 ? handed_over_at(guard) : UINT64_MAX;
        int r = leave_control_group();

        if (r < 0)
                log_warning_errno(r, "cannot leave the control group .control: the guard's --wipe may not run if the "
                                     "guard is killed by its control group");
        if (!reads_sighup(guard))
                return log_error_errno(EOPNOTSUPP,
                                "the guard that runs cannot hand over: this one is in force after a reboot");
        if (kill(guard, SIGHUP) < 0)
                return log_error_errno(errno, "cannot ask the guard to hand over");
        while ((r = has_handed_over(guard, before)) == 0 && now_boottime() < end)
                (void) poll(NULL, 0, LOOK_EVERY_MS);
        if (r < 0)
                return log_error_errno(r, "the guard is gone");
        return r > 0 ? 0 : log_error_errno(ETIMEDOUT, "the guard that runs has not handed over yet, see its messages");
}
