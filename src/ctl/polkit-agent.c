/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The agent is polkit's own program, pkttyagent, as systemctl starts it. With --fallback it lets an agent of the
 * user's desktop go first. It closes the descriptor that it is given when it listens.
 */

#include "ctl/polkit-agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT "/usr/bin/pkttyagent"

/* For so long a command waits until the agent listens. */
enum { PATIENCE_MSEC = 5000 };

static pid_t agent;

static void close_agent(void) {
        (void) kill(agent, SIGTERM);
        (void) kill(agent, SIGCONT);
        while (waitpid(agent, NULL, 0) < 0 && errno == EINTR)
                ;
}

static _Noreturn void become_agent(int notify, pid_t parent) {
        char descriptor[16];

        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) /* the parent has died meanwhile */
                _exit(0);
        (void) snprintf(descriptor, sizeof(descriptor), "%d", notify);
        (void) fcntl(notify, F_SETFD, 0);
        (void) execl(AGENT, AGENT, "--notify-fd", descriptor, "--fallback", NULL);
        _exit(127);
}

void polkit_agent_open(const Ctl *ctl) {
        struct pollfd listens = { .events = POLLIN };
        pid_t self = getpid();
        int fds[2];

        if (agent > 0 || ctl->host || geteuid() == 0 || !isatty(STDIN_FILENO) || access(AGENT, X_OK) < 0 ||
                        pipe2(fds, O_CLOEXEC) < 0)
                return;
        (void) fflush(NULL);
        agent = fork();
        if (agent == 0)
                become_agent(fds[1], self);
        (void) close(fds[1]);
        listens.fd = fds[0];
        if (agent > 0) {
                (void) atexit(close_agent);
                (void) poll(&listens, 1, PATIENCE_MSEC);
        }
        (void) close(fds[0]);
}
