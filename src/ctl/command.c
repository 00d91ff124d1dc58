/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/command.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- start ---- */

static void execute(pid_t parent, char **argv, const char *const *environment) {
        sigset_t none;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) /* it went before we could hear of it */
                _exit(EXIT_FAILURE);
        for (; *environment; environment += 2)
                (void) setenv(environment[0], environment[1], 1);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) execvp(argv[0], argv);
        complain("cannot execute %s: %s", argv[0], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
}

int command_start(Command *c, char **argv, const char *const *environment) {
        pid_t parent = getpid(), pid;

        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return -errno;
        (void) fflush(stdout);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                execute(parent, argv, environment);
        *c = (Command){ .pid = pid, .left = true };
        return 0;
}

/* ---- end ---- */

void command_reap(Command *c) {
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                if (pid == c->pid) {
                        c->ended = true;
                        c->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
                }
        c->left = pid == 0;
}

void command_signal(const Command *c, int signal) {
        if (!c->ended)
                (void) kill(c->pid, signal);
}

typedef struct Pids {
        pid_t *pids;
        size_t n;
} Pids;

static void add(Pids *p, pid_t pid) {
        pid_t *larger = realloc(p->pids, (p->n + 1) * sizeof(pid_t));

        if (!larger)
                return;
        p->pids = larger;
        p->pids[p->n++] = pid;
}

/* Those that a thread has forked, or has been given. */
static void add_children_of_thread(Pids *p, pid_t pid, const char *thread) {
        char path[64];
        FILE *f;
        int child;

        (void) snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", (int) pid, thread);
        f = fopen(path, "re");
        if (!f)
                return;
        while (fscanf(f, "%d", &child) == 1)
                add(p, child);
        (void) fclose(f);
}

static void add_children(Pids *p, pid_t pid) {
        struct dirent *entry;
        char path[32];
        DIR *threads;

        (void) snprintf(path, sizeof(path), "/proc/%d/task", (int) pid);
        threads = opendir(path);
        while (threads && (entry = readdir(threads)))
                if (entry->d_name[0] != '.')
                        add_children_of_thread(p, pid, entry->d_name);
        if (threads)
                (void) closedir(threads);
}

void command_signal_all(int signal) {
        Pids p = {};

        /* Parents before their children: a shell shall not go on with its next line because the first was ended. */
        add_children(&p, getpid());
        for (size_t i = 0; i < p.n; i++)
                add_children(&p, p.pids[i]);
        for (size_t i = 0; i < p.n; i++)
                (void) kill(p.pids[i], signal);
        free(p.pids);
}
