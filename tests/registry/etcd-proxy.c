/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd-proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_proxy(pid_t parent, int in, int out, const char *upstream) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
                _exit(126);
        (void) execl("/usr/bin/python3", "python3", FAULT_PROXY, "0", upstream, NULL);
        _exit(127);
}

int proxy_start(Proxy *p, const char *upstream) {
        pid_t parent = getpid();
        int to[2], from[2];
        unsigned port;

        *p = (Proxy){};
        if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
                return -errno;
        p->pid = fork();
        if (p->pid < 0)
                return -errno;
        if (p->pid == 0)
                be_proxy(parent, to[0], from[1], upstream ? strstr(upstream, "://") + 3 : NULL);
        (void) close(to[0]);
        (void) close(from[1]);
        p->to = fdopen(to[1], "w");
        p->from = fdopen(from[0], "r");
        if (!p->to || !p->from || fscanf(p->from, "%u", &port) != 1 || fgetc(p->from) != '\n')
                return -EIO;
        (void) snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%u", port);
        return 0;
}

long proxy_tell(Proxy *p, const char *format, ...) {
        char line[64];
        va_list ap;

        va_start(ap, format);
        (void) vfprintf(p->to, format, ap);
        va_end(ap);
        if (fputc('\n', p->to) == EOF || fflush(p->to) == EOF || !fgets(line, sizeof(line), p->from))
                return -1;
        return streq(line, "ok\n") ? 0 : line[0] >= '0' && line[0] <= '9' ? atol(line) : -1;
}

void proxy_stop(Proxy *p) {
        if (p->to)
                (void) fclose(p->to);
        if (p->from)
                (void) fclose(p->from);
        if (p->pid > 0) {
                (void) kill(p->pid, SIGKILL);
                (void) waitpid(p->pid, NULL, 0);
        }
        *p = (Proxy){};
}
