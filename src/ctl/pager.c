/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pager.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t pager = -1;
static int saved_stdout = -1;

static void pager_run(const char *program) {
        (void) setenv("LESS", "FRSXMK", 0);
        if (!isempty(program))
                (void) execl("/bin/sh", "sh", "-c", program, NULL);
        (void) execlp("less", "less", NULL);
        (void) execlp("more", "more", NULL);
        (void) execlp("cat", "cat", NULL);
        _exit(127);
}

void pager_open(const Ctl *ctl) {
        const char *program = getenv("LEASED_PAGER") ?: getenv("PAGER");
        int fds[2];

        say_look(); /* now, while stdout is the terminal */
        if (!ctl->pager || pager > 0 || !isatty(STDOUT_FILENO) || (program && (!*program || streq(program, "cat"))))
                return;
        say_flush();
        if (pipe(fds) < 0)
                return;
        pager = fork();
        if (pager == 0) {
                (void) dup2(fds[0], STDIN_FILENO);
                (void) close(fds[0]);
                (void) close(fds[1]);
                pager_run(program);
        }
        if (pager > 0) {
                (void) signal(SIGPIPE, SIG_IGN); /* the reader may leave early */
                saved_stdout = dup(STDOUT_FILENO);
                (void) dup2(fds[1], STDOUT_FILENO);
        }
        (void) close(fds[0]);
        (void) close(fds[1]);
}

void pager_close(void) {
        if (pager <= 0)
                return; /* main() flushes, and says what cannot be written */
        say_flush();
        clearerr(stdout); /* the pager may have left before it had read everything */
        (void) dup2(saved_stdout, STDOUT_FILENO);
        (void) close(saved_stdout);
        (void) waitpid(pager, NULL, 0);
        pager = -1;
}
