/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goes through all that can happen within bounds, on the real core and the real decisions of the guard, and checks in
 * each state what the simulation checks.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

typedef struct Arguments {
        SearchOptions search;
        unsigned bits, root, roots;
        bool quiet;
        const char *table;
        const char *story; /* the kinds of each trouble; NULL: any may be of any kind */
} Arguments;

static unsigned clamp(unsigned n, unsigned least, unsigned most) {
        return n < least ? least : n > most ? most : n;
}

static double seconds_now(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static const struct {
        const char *words;
        int holder_ppm, others_ppm; /* how far their clocks are off */
        Temper temper;
} roots[] = {
        { "holder's clock 1 % slow, the others' 1 % fast; the unit ignores SIGTERM", -10000, 10000, TEMPER_STUBBORN },
        { "exact clocks; the unit stops at once", 0, 0, TEMPER_MEEK },
        { "holder's clock 1 % fast, the others' 1 % slow; the unit ignores SIGTERM", 10000, -10000, TEMPER_STUBBORN },
        { "holder's clock slow; the unit stops at once and leaves a child for 15 s", -10000, 10000, TEMPER_PARENT },
        { "holder's clock slow; the unit has an ExecStopPost= of 10 s", -10000, 10000, TEMPER_POST },
        { "holder's clock slow; the unit has OnOutage=freeze", -10000, 10000, TEMPER_COLD },
        { "holder's clock slow; PID 1 is late with the guard's watchdog", -10000, 10000, TEMPER_WATCHED },
        { "exact clocks; the unit is a timer", 0, 0, TEMPER_TIMER },
        { "exact clocks; the unit has a Check=", 0, 0, TEMPER_CHECKED },
        { "holder's clock slow; the unit has OnShutdown=keep", -10000, 10000, TEMPER_KEPT },
        { "exact clocks; the machines have a FenceCommand=", 0, 0, TEMPER_FENCED },
};
_Static_assert(ELEMENTSOF(roots) == ROOTS_MAX, "a root has no place in the progress");

static void set_root(SearchOptions *o, size_t root) {
        o->temper = roots[root].temper;
        for (size_t i = 0; i < o->n_machines; i++)
                o->rates[i] = (uint64_t) (1000000 + (i == 0 ? roots[root].holder_ppm : roots[root].others_ppm));
}

static Progress *progress;

/* Handles SIGTERM and SIGINT, of which one process of the search may hear alone: all end, and what was counted is
 * said. */
static void on_end(int number) {
        SearchEnd goes_on = SEARCH_GOES_ON;

        (void) __atomic_compare_exchange_n(
                        &progress->shared.end, &goes_on, SEARCH_ENDED, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static int wait_for_one(void) {
        int status = 0;

        while (wait(&status) < 0)
                if (errno != EINTR)
                        abort();
        return status;
}

/* One root by all processes. False: a promise is broken, or a process died. */
static bool run_root(Arguments *a, unsigned root, Seen *seen) {
        bool good = true;

        (void) fflush(stdout);
        for (unsigned i = 0; i < a->search.n_processes; i++) {
                pid_t pid = fork();

                if (pid < 0)
                        abort();
                if (pid == 0) {
                        _exit(search_run(&a->search, seen, progress->counts + i, &progress->shared,
                                              progress->firsts[a->search.troubles - 1][root])
                                                        ? 0
                                                        : 1);
                }
        }
        for (unsigned i = 0; i < a->search.n_processes; i++) {
                int status = wait_for_one();

                good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
                if (WIFSIGNALED(status)) {
                        (void) fprintf(stderr, "BROKEN: a process of the search died of signal %d\n",
                                        WTERMSIG(status));
                        progress->shared.end = SEARCH_BROKEN;
                }
        }
        return good;
}

static SearchCounts add_up(void) {
        SearchCounts sum = {};

        for (size_t i = 0; i < PROCESSES_MAX; i++) {
                const SearchCounts *c = progress->counts + i;

                sum.states += c->states;
                sum.again += c->again;
                sum.steps += c->steps;
                sum.merged += c->merged;
                sum.seconds += c->seconds;
                sum.dry_max = MAX(sum.dry_max, c->dry_max);
                sum.depth_max = MAX(sum.depth_max, c->depth_max);
                sum.copy_max = MAX(sum.copy_max, c->copy_max);
                sum.timeout = sum.timeout || c->timeout;
                for (Trouble t = 0; t < _TROUBLE_MAX; t++)
                        sum.by_trouble[t] += c->by_trouble[t];
        }
        return sum;
}

static void sum_up(const Arguments *a, const SearchCounts *c, double spent, bool good) {
        double states = (double) c->states;

        printf("%llu states in %.0f s of processor time, %.0f a second of it (%.0f s by the clock)\n",
                        (unsigned long long) c->states, c->seconds, states / MAX(c->seconds, 0.001), spent);
        printf("%llu steps, %llu of them to states that were known, %llu to such that now "
               "had "
               "more to spend\n",
                        (unsigned long long) c->steps, (unsigned long long) c->merged, (unsigned long long) c->again);
        printf("8 bytes a state; copies along the path: %zu bytes at most, %zu steps\n", c->copy_max, c->depth_max);
        printf("two different states were taken for one: %.6f times, as is to be expected of 57 bits\n",
                        states * states / 2 / 0x1p57);
        if (good)
                printf("from each state the unit came to run when no more trouble came, after %.3f s at most\n",
                                (double) c->dry_max / USEC_PER_SEC);
        for (Trouble t = 1; t < _TROUBLE_MAX && !a->quiet; t++)
                printf("%12llu  %s\n", (unsigned long long) c->by_trouble[t], choices_trouble(t));
}

/* Of all that says what is searched, and not how. */
static uint64_t print_of_bounds(const Arguments *a) {
        const SearchOptions *o = &a->search;
        uint64_t parts[] = { o->n_machines, o->n_leases, o->ttl, o->ttls, o->rules.corners, o->rules.orders,
                o->promises_only };
        uint64_t sum = 0;

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                sum = (sum ^ parts[i]) * 0x9e3779b97f4a7c15u;
        for (size_t i = 0; i < TROUBLES_MAX; i++)
                sum = (sum ^ o->kinds[i].troubles ^ (uint64_t) o->kinds[i].machines << 56 ^
                                      (uint64_t) o->kinds[i].last << 55) *
                      0x9e3779b97f4a7c15u;
        return sum;
}

static int run(Arguments *a) {
        Seen *seen = NULL;
        double begun = seconds_now();
        unsigned most = a->search.troubles;
        bool good = true;
        SearchCounts sum;

        a->search.whole = a->table != NULL;
        progress = progress_open(a->table, a->bits, print_of_bounds(a), &seen);
        if (!progress)
                return 2;
        sum = add_up();
        (void) signal(SIGTERM, on_end);
        (void) signal(SIGINT, on_end);
        printf("%zu machines, %zu lease%s, TTL %.1f s, up to %u troubles within %u TTLs, corners %u, %s; %u "
               "processes\n",
                        a->search.n_machines, a->search.n_leases, a->search.n_leases == 1 ? "" : "s",
                        (double) a->search.ttl / USEC_PER_SEC, most, a->search.ttls, a->search.rules.corners,
                        a->search.rules.orders ? "all orders" : "one order", a->search.n_processes);
        if (a->story)
                printf("only this story: %s\n", a->story);
        for (unsigned n = a->story ? most : 1; n <= most && good && !sum.timeout; n++)
                for (unsigned root = a->root; root < a->root + a->roots && good && !sum.timeout; root++) {
                        uint64_t before = sum.states;

                        a->search.troubles = n;
                        set_root(&a->search, root);
                        good = run_root(a, root, seen);
                        sum = add_up();
                        printf("%u trouble%s, %s: %llu new states%s\n", n, n == 1 ? "" : "s", roots[root].words,
                                        (unsigned long long) (sum.states - before),
                                        good && sum.timeout ? ", NOT ALL: the time or the room is up" : "");
                }
        sum_up(a, &sum, seconds_now() - begun, good);
        return good ? 0 : 1;
}

static int help(const char *name) {
        printf("%s [OPTIONS]\n\n"
               "Goes through all that can happen to a cluster at rest within these bounds.\n\n"
               "  --machines M    2 or 3 (2)\n"
               "  --leases L      1 or 2 (1)\n"
               "  --troubles N    up to 3 (1): faults of machines and messages, and words of the operator\n"
               "  --ttls N        within which they may come (4)\n"
               "  --only A,B      only these kinds; --list names them\n"
               "  --story A,B,C   as many troubles, each of its kind, in this order; A|B: either, A@N: on machine N, "
               "from 0\n"
               "  --corners N     at how many moments a trouble may end: 1 few, 2 some, 3 all; 4: and in 90 s (1)\n"
               "  --one-order     events of one instant happen in one order only\n"
               "  --roots N       the first N of the clusters to begin from (3)\n"
               "  --root N        only this one, from 0\n"
               "  --processes N   (2)\n"
               "  --bits N        room for 2^N states (24)\n"
               "  --table FILE    keep the states in FILE (in a tmpfs, 2^(N+3) bytes), and go on with what is there\n"
               "  --seconds N     stop after so much processor time of each process (no limit)\n"
               "  --promises-only check that nothing runs twice and no token goes back, not the laws that keep it so\n"
               "  --ttl SECONDS   (2)\n"
               "  --quiet         no counts\n",
                        name);
        return 0;
}

static Trouble find_trouble(const char *name, size_t n) {
        for (Trouble t = 1; t < _TROUBLE_MAX; t++)
                if (strlen(choices_trouble(t)) == n && strncmp(choices_trouble(t), name, n) == 0)
                        return t;
        return TROUBLE_NONE;
}

/* Kinds with "," or "|" between them, and perhaps "@" with a machine behind, and "!". */
static int parse_kinds(const char *list, size_t size, Kinds *ret) {
        bool last = size > 0 && list[size - 1] == '!';
        const char *end = list + size - last, *at = memchr(list, '@', size);

        *ret = (Kinds){ .last = last, .machines = at ? (uint8_t) (1 << (at[1] & 7)) : UINT8_MAX };
        for (end = at ?: end; list < end;) {
                size_t n = MIN(strcspn(list, ",|"), (size_t) (end - list));
                Trouble t = find_trouble(list, n);

                if (t == TROUBLE_NONE) {
                        (void) fprintf(stderr, "\"%.*s\" is no kind of trouble; --list names them.\n", (int) n, list);
                        return -EINVAL;
                }
                ret->troubles |= UINT64_C(1) << t;
                list += MIN(n + 1, (size_t) (end - list));
        }
        return 0;
}

static int parse_story(const char *list, Arguments *a) {
        a->story = list;
        for (a->search.troubles = 0; *list && a->search.troubles < TROUBLES_MAX; a->search.troubles++) {
                size_t n = strcspn(list, ",");

                if (parse_kinds(list, n, a->search.kinds + a->search.troubles) < 0)
                        return -EINVAL;
                list += n + (list[n] == ',');
        }
        if (!*list && a->search.troubles > 0)
                return 0;
        (void) fprintf(stderr, "A story is of one to %d troubles.\n", TROUBLES_MAX);
        return -EINVAL;
}

int main(int argc, char **argv) {
        static const struct option longs[] = { { "machines", required_argument, NULL, 'm' },
                { "leases", required_argument, NULL, 'l' }, { "troubles", required_argument, NULL, 't' },
                { "ttls", required_argument, NULL, 'h' }, { "only", required_argument, NULL, 'o' },
                { "corners", required_argument, NULL, 'c' }, { "one-order", no_argument, NULL, '1' },
                { "roots", required_argument, NULL, 'r' }, { "root", required_argument, NULL, 'R' },
                { "processes", required_argument, NULL, 'p' }, { "bits", required_argument, NULL, 'b' },
                { "seconds", required_argument, NULL, 's' }, { "table", required_argument, NULL, 'f' },
                { "promises-only", no_argument, NULL, 'P' }, { "ttl", required_argument, NULL, 'T' },
                { "list", no_argument, NULL, 'L' }, { "quiet", no_argument, NULL, 'q' },
                { "story", required_argument, NULL, 'S' }, { "help", no_argument, NULL, '?' }, {} };
        Arguments a = { .search = { .n_machines = 2,
                                        .n_leases = 1,
                                        .ttl = 2 * USEC_PER_SEC,
                                        .troubles = 1,
                                        .ttls = 4,
                                        .rules = { .corners = 1, .orders = true },
                                        .n_processes = 2,
                                        .seconds = 1000000 },
                .bits = 24,
                .roots = 3 };
        int option;

        for (size_t i = 0; i < TROUBLES_MAX; i++)
                a.search.kinds[i] = (Kinds){ .troubles = (UINT64_C(1) << _TROUBLE_NAMED) - 1, .machines = UINT8_MAX };
        while ((option = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
                unsigned number = optarg ? (unsigned) strtoul(optarg, NULL, 10) : 0;

                switch (option) {
                case 'm':
                        a.search.n_machines = clamp(number, 2u, (unsigned) MACHINES_MAX);
                        break;
                case 'l':
                        a.search.n_leases = clamp(number, 1u, (unsigned) LEASES_MAX);
                        break;
                case 't':
                        a.search.troubles = clamp(number, 1u, TROUBLES_MAX);
                        break;
                case 'h':
                        a.search.ttls = MAX(number, 1u);
                        break;
                case 'o':
                        if (parse_kinds(optarg, strlen(optarg), a.search.kinds) < 0)
                                return 2;
                        for (size_t i = 1; i < TROUBLES_MAX; i++)
                                a.search.kinds[i] = a.search.kinds[0];
                        break;
                case 'S':
                        if (parse_story(optarg, &a) < 0)
                                return 2;
                        break;
                case 'c':
                        a.search.rules.corners = clamp(number, 1u, 4u);
                        break;
                case '1':
                        a.search.rules.orders = false;
                        break;
                case 'r':
                        a.roots = clamp(number, 1, (unsigned) ELEMENTSOF(roots));
                        break;
                case 'R':
                        a.root = clamp(number, 0, (unsigned) ELEMENTSOF(roots) - 1);
                        a.roots = 1;
                        break;
                case 'p':
                        a.search.n_processes = clamp(number, 1u, PROCESSES_MAX);
                        break;
                case 'b':
                        a.bits = clamp(number, 16u, 34u);
                        break;
                case 's':
                        a.search.seconds = number;
                        break;
                case 'f':
                        a.table = optarg;
                        break;
                case 'P':
                        a.search.promises_only = true;
                        break;
                case 'T':
                        a.search.ttl = (usec_t) (strtod(optarg, NULL) * 1e6);
                        break;
                case 'q':
                        a.quiet = true;
                        break;
                case 'L':
                        for (Trouble t = 1; t < _TROUBLE_MAX; t++)
                                printf("%s%s\n", choices_trouble(t),
                                                t < _TROUBLE_NAMED ? "" : "  (only where it is named)");
                        return 0;
                default:
                        return help(argv[0]);
                }
        }
        return run(&a);
}
