/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/kill-each.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "util/cgroup.h"
#include "util/file-util.h"

#define CGROUP_FILE_SIZE 8192u

typedef struct Sweep {
        size_t root; /* length of the mount point, with which every path begins */
        usec_t until;
        pid_t signalled[KILL_EACH_PROCESSES];
        size_t n_signalled;
        unsigned groups;
        bool found;  /* this look has found a process that was not signalled before */
        bool beyond; /* not every process can be reached in this way */
} Sweep;

/* Whether the process is in the group, or in one below it. 0 also if it is gone, or the number is another process's by
 * now. */
static int is_in_group(const Sweep *s, pid_t pid, const char *path) {
        char file[64], text[CGROUP_FILE_SIZE];
        const char *line, *group = path + s->root;
        ssize_t n;

        (void) snprintf(file, sizeof(file), "/proc/%d/cgroup", (int) pid);

        _cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return errno == ESRCH ? 0 : -errno;
        text[n] = '\0';
        line = startswith(text, "0::") ? text : strstr(text, "\n0::");
        if (!line)
                return -EBADMSG;
        line = strchr(line, ':') + 2;
        if (!startswith(line, group))
                return 0;
        return line[strlen(group)] == '\n' || line[strlen(group)] == '/';
}

/* 1: the process has been sent SIGKILL, or is gone; 0: the number is another process's by now. */
static int kill_process(const Sweep *s, pid_t pid, const char *path) {
        /* glibc has functions for both calls since 2.36. */
        _cleanup_close_ int fd = (int) syscall(SYS_pidfd_open, pid, 0);
        int r;

        if (fd < 0)
                return errno == ESRCH ? 1 : -errno;
        r = is_in_group(s, pid, path);
        if (r <= 0)
                return r;
        if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
                return -errno;
        return 1;
}

static bool was_signalled(const Sweep *s, pid_t pid) {
        for (size_t i = 0; i < s->n_signalled; i++)
                if (s->signalled[i] == pid)
                        return true;
        return false;
}

static void take_process(Sweep *s, pid_t pid, const char *path) {
        int r;

        if (was_signalled(s, pid))
                return;
        s->found = true;
        /* pid 0 stands for a process outside of this process namespace. */
        if (pid <= 0 || s->n_signalled == ELEMENTSOF(s->signalled) || now_boottime() >= s->until)
                r = -E2BIG;
        else
                r = kill_process(s, pid, path);
        if (r < 0)
                s->beyond = true;
        else if (r > 0)
                s->signalled[s->n_signalled++] = pid;
}

static void look_at_processes(Sweep *s, const char *path) {
        _cleanup_free_ char *file = NULL;
        char line[32];
        FILE *f;

        if (asprintf(&file, "%s/cgroup.procs", path) < 0) {
                file = NULL;
                s->beyond = true;
                return;
        }
        f = fopen(file, "re");
        if (!f) {
                s->beyond |= errno != ENOENT && errno != ENODEV;
                return;
        }
        while (!s->beyond && fgets(line, sizeof(line), f))
                take_process(s, (pid_t) atoi(line), path);
        /* The processes of a threaded group are listed by the group above it. */
        if (ferror(f) && errno != ENODEV && errno != EOPNOTSUPP)
                s->beyond = true;
        (void) fclose(f);
}

static void look_at_group(Sweep *s, const char *path) {
        DIR *dir;

        if (++s->groups > KILL_EACH_GROUPS || now_boottime() >= s->until)
                s->beyond = true;
        if (!s->beyond)
                look_at_processes(s, path);
        dir = s->beyond ? NULL : opendir(path);
        if (!dir) {
                s->beyond |= errno != ENOENT && errno != ENODEV;
                return;
        }
        for (struct dirent *e = readdir(dir); e && !s->beyond; e = readdir(dir)) {
                _cleanup_free_ char *below = NULL;

                if (e->d_type != DT_DIR || streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                if (asprintf(&below, "%s/%s", path, e->d_name) < 0) {
                        below = NULL;
                        s->beyond = true;
                } else
                        look_at_group(s, below);
        }
        (void) closedir(dir);
}

bool kill_each(const char *root, const char *path, usec_t until) {
        Sweep s = { .root = strlen(root), .until = until };

        for (unsigned look = 0; look < KILL_EACH_LOOKS; look++) {
                s.groups = 0;
                s.found = false;
                look_at_group(&s, path);
                if (s.beyond)
                        return false;
                if (!s.found) /* a group without any process that is not empty has one that is not listed */
                        return s.n_signalled > 0 || cgroup_is_empty(path) > 0;
        }
        return false;
}
