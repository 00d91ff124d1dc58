/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs seeds, one world each, and sums up. A seed that breaks a promise is run again with the trace on, its last lines
 * are printed, and the command that shows it again.
 */
#include "sim.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

typedef struct Arguments {
        Options options;
        uint64_t seeds;
        bool random_size; /* machines and leases drawn from the seed */
        bool keep_going;
        bool counts, every_fault;
} Arguments;

static double seconds_of(clockid_t clock) {
        struct timespec t;

        (void) clock_gettime(clock, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static double seconds_now(void) {
        return seconds_of(CLOCK_MONOTONIC);
}

static int help(const char *name) {
        printf("%s [OPTIONS]\n\n"
               "Runs the real core on simulated machines, with faults drawn from each seed, and checks that no unit "
               "ever\n"
               "runs twice and no token goes back.\n\n"
               "  --seeds N            how many (100)\n"
               "  --first-seed S       the first one (1)\n"
               "  --machines M         of one run, up to %d (drawn from the seed: 2 to 5)\n"
               "  --leases L           of one run, up to %d (drawn from the seed: 1 to 3)\n"
               "  --minutes-of-model-time T  with faults; a quiet tail follows (5)\n"
               "  --ttl SECONDS        (drawn from the seed)\n"
               "  --replay SEED        one seed, its whole trace printed as it goes\n"
               "  --trace              the same for all seeds\n"
               "  --promises-only      check that nothing runs twice and no token goes back, not the laws that keep "
               "it so\n"
               "  --lone               beside no core runs one that looks at all units and leases in each step\n"
               "  --bias NAME          what rarely meets meets often: late-gate, slow-answers, late-writes,\n"
               "                       late-releases, stale-watches, sleep, records, few-beats,\n"
               "                       short-ttl, hand-over, vm-pause, freeze, pause; or timers: the units are "
               "timers\n"
               "                       that catch up, and no elapse may have two runs\n"
               "  --runs               no unit is enabled; commands of \"leasectl run\" come and go instead\n"
               "  --keep-going         do not stop at the first failure\n"
               "  --counts             how often each fault and each verb came\n"
               "  --every-fault        the same, and fail if one of them never did\n"
               "  --help\n",
                        name, MACHINES_MAX, LEASES_MAX);
        return 0;
}

static int parse_number(const char *s, uint64_t least, uint64_t most, uint64_t *ret) {
        char *end = NULL;
        unsigned long long n;

        errno = 0;
        n = strtoull(s, &end, 10);
        if (errno || end == s || *end || n < least || n > most) {
                (void) fprintf(stderr, "\"%s\" is not a number from %llu to %llu.\n", s, (unsigned long long) least,
                                (unsigned long long) most);
                return -EINVAL;
        }
        *ret = n;
        return 0;
}

static const char *const bias_names[] = {
        [BIAS_NONE] = "none",
        [BIAS_LATE_GATE] = "late-gate",
        [BIAS_SLOW_ANSWERS] = "slow-answers",
        [BIAS_LATE_WRITES] = "late-writes",
        [BIAS_LATE_RELEASES] = "late-releases",
        [BIAS_STALE_WATCHES] = "stale-watches",
        [BIAS_SLEEP] = "sleep",
        [BIAS_RECORDS] = "records",
        [BIAS_FEW_BEATS] = "few-beats",
        [BIAS_SHORT_TTL] = "short-ttl",
        [BIAS_SLOTS] = "slots",
        [BIAS_COPIES] = "copies",
        [BIAS_HAND_OVER] = "hand-over",
        [BIAS_TIMERS] = "timers",
        [BIAS_VM_PAUSE] = "vm-pause",
        [BIAS_FREEZE] = "freeze",
        [BIAS_PAUSE] = "pause",
};

static int parse_bias(const char *s, Bias *ret) {
        for (Bias b = 0; b < _BIAS_MAX; b++)
                if (streq(s, bias_names[b])) {
                        *ret = b;
                        return 0;
                }
        (void) fprintf(stderr, "No bias is named \"%s\".\n", s);
        return -EINVAL;
}

/* Returns 0 to stop with success, 1 to go on, negative on a bad argument. */
static int parse_arguments(int argc, char *argv[], Arguments *ret) {
        static const struct option options[] = {
                { "seeds", required_argument, NULL, 'n' },
                { "first-seed", required_argument, NULL, 's' },
                { "machines", required_argument, NULL, 'm' },
                { "leases", required_argument, NULL, 'l' },
                { "minutes-of-model-time", required_argument, NULL, 't' },
                { "ttl", required_argument, NULL, 'T' },
                { "trace", no_argument, NULL, 'v' },
                { "replay", required_argument, NULL, 'r' },
                { "keep-going", no_argument, NULL, 'k' },
                { "counts", no_argument, NULL, 'c' },
                { "every-fault", no_argument, NULL, 'e' },
                { "help", no_argument, NULL, 'h' },
                { "promises-only", no_argument, NULL, 'p' },
                { "lone", no_argument, NULL, 'L' },
                { "bias", required_argument, NULL, 'b' },
                { "runs", no_argument, NULL, 'R' },
                {},
        };
        uint64_t n = 0;
        int c, r = 0;

        *ret = (Arguments){ .seeds = 100, .options = { .seed = 1, .duration = 5 * USEC_PER_MINUTE, .faults = true } };
        while (r >= 0 && (c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                switch (c) {
                case 'n':
                        r = parse_number(optarg, 1, UINT64_MAX / 2, &ret->seeds);
                        break;
                case 's':
                        r = parse_number(optarg, 0, UINT64_MAX / 2, &ret->options.seed);
                        break;
                case 'm':
                        r = parse_number(optarg, 1, MACHINES_MAX, &n);
                        ret->options.n_machines = n;
                        break;
                case 'l':
                        r = parse_number(optarg, 1, LEASES_MAX, &n);
                        ret->options.n_leases = n;
                        break;
                case 't':
                        r = parse_number(optarg, 1, 1000000, &n);
                        ret->options.duration = n * USEC_PER_MINUTE;
                        break;
                case 'T':
                        r = parse_number(optarg, 1, 60, &n);
                        ret->options.ttl = n * USEC_PER_SEC;
                        break;
                case 'r':
                        r = parse_number(optarg, 0, UINT64_MAX / 2, &ret->options.seed);
                        ret->seeds = 1;
                        ret->options.trace_live = true;
                        break;
                case 'v':
                        ret->options.trace_live = true;
                        break;
                case 'p':
                        ret->options.promises_only = true;
                        break;
                case 'L':
                        ret->options.lone = true;
                        break;
                case 'b':
                        r = parse_bias(optarg, &ret->options.bias);
                        break;
                case 'R':
                        ret->options.runs = true;
                        break;
                case 'c':
                        ret->counts = true;
                        break;
                case 'e':
                        ret->counts = ret->every_fault = true;
                        break;
                case 'k':
                        ret->keep_going = true;
                        break;
                case 'h':
                        return help(program_invocation_short_name);
                default:
                        return -EINVAL;
                }
        }
        if (r >= 0 && optind < argc) {
                (void) fprintf(stderr, "Unexpected argument \"%s\".\n", argv[optind]);
                r = -EINVAL;
        }
        return r < 0 ? r : 1;
}

static Options options_for(const Arguments *a, uint64_t seed) {
        Options o = a->options;

        o.seed = seed;
        if (o.n_machines == 0)
                o.n_machines = 2 + seed % 4;
        if (o.n_leases == 0)
                o.n_leases = 1 + seed / 4 % 3;
        return o;
}

static void show_failure(const Arguments *a, uint64_t seed) {
        Options o = options_for(a, seed);
        World *w;

        o.trace = true;
        w = world_new(&o);
        (void) world_run_seed(w);
        if (!a->options.trace_live)
                world_print_trace(w);
        (void) fprintf(stderr,
                        "\nseed %llu: %s\nat %.6f s of model time; the same again, from its start:\n  %s --replay "
                        "%llu",
                        (unsigned long long) seed, w->failed ? w->failure : "does not fail when run again (!)",
                        (double) w->now / USEC_PER_SEC, program_invocation_name, (unsigned long long) seed);
        if (a->options.n_machines)
                (void) fprintf(stderr, " --machines %zu", a->options.n_machines);
        if (a->options.n_leases)
                (void) fprintf(stderr, " --leases %zu", a->options.n_leases);
        if (a->options.ttl)
                (void) fprintf(stderr, " --ttl %llu", (unsigned long long) (a->options.ttl / USEC_PER_SEC));
        if (a->options.bias != BIAS_NONE)
                (void) fprintf(stderr, " --bias %s", bias_names[a->options.bias]);
        if (a->options.runs)
                (void) fprintf(stderr, " --runs");
        if (a->options.promises_only)
                (void) fprintf(stderr, " --promises-only");
        (void) fprintf(stderr, " --minutes-of-model-time %llu\n",
                        (unsigned long long) (a->options.duration / USEC_PER_MINUTE));
        world_free(w);
}

/* The pace is that of one core, whatever else the machine is busy with. */
static void print_summary(const Counts *c, uint64_t seeds, uint64_t failed, double took) {
        double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);

        printf("seeds %llu, failed %llu; core steps %llu in %.1f s (%.1f s of one core: %.0f a second); "
               "model time %.1f h\n",
                        (unsigned long long) seeds, (unsigned long long) failed, (unsigned long long) c->steps, took,
                        cpu, (double) c->steps / MAX(cpu, 0.001), (double) c->model_time / USEC_PER_HOUR);
        printf("requests %llu (refused %llu, unknown %llu), beats %llu, sessions %llu, adopted %llu, calls %llu\n",
                        (unsigned long long) c->txns, (unsigned long long) c->refused, (unsigned long long) c->unknown,
                        (unsigned long long) c->beats, (unsigned long long) c->sessions,
                        (unsigned long long) c->adopted, (unsigned long long) c->calls);
        printf("starts %llu, acquired %llu (takeovers %llu), steals %llu, transfers %llu, releases %llu, expired "
               "%llu, "
               "resumed %llu, lost %llu, done %llu, failed units %llu, stopped by hand %llu, "
               "asked elsewhere %llu\n",
                        (unsigned long long) c->starts, (unsigned long long) c->acquired,
                        (unsigned long long) c->takeovers, (unsigned long long) c->steals,
                        (unsigned long long) c->transfers, (unsigned long long) c->releases,
                        (unsigned long long) c->expired, (unsigned long long) c->resumed, (unsigned long long) c->lost,
                        (unsigned long long) c->done, (unsigned long long) c->failed_units,
                        (unsigned long long) c->by_hand, (unsigned long long) c->asked);
        printf("registry fell back %llu, foreign %llu; late forks that met another %llu, longest %.3f s; asleep by "
               "force when another began %llu, longest awake %.3f s; slowest recovery %.1f s\n",
                        (unsigned long long) c->fell_back, (unsigned long long) c->foreign,
                        (unsigned long long) c->late_forks, (double) c->late_fork_max / USEC_PER_SEC,
                        (unsigned long long) c->slept, (double) c->slept_max / USEC_PER_SEC,
                        (double) c->recovery_max / USEC_PER_SEC);
        if (c->elapses > 0)
                printf("timers: %llu elapses with a run, none with two; %llu without one\n",
                                (unsigned long long) c->elapses, (unsigned long long) c->skipped);
}

/* Returns how many of the faults never happened. */
static size_t print_mishaps(const Counts *c) {
        size_t missing = 0;

        for (Mishap i = 0; i < _MISHAP_MAX; i++) {
                printf("%12llu  %s\n", (unsigned long long) c->mishaps[i], mishap_to_string(i));
                missing += c->mishaps[i] == 0;
        }
        return missing;
}

int main(int argc, char *argv[]) {
        Arguments arguments;
        Counts counts = {};
        double begin = seconds_now(), shown = begin;
        uint64_t failed = 0, run = 0;
        int r = parse_arguments(argc, argv, &arguments);

        if (r <= 0)
                return r < 0 ? 2 : 0;
        for (; run < arguments.seeds && (failed == 0 || arguments.keep_going); run++) {
                Options o = options_for(&arguments, arguments.options.seed + run);
                World *w = world_new(&o);

                if (!world_run_seed(w)) {
                        failed++;
                        if (arguments.keep_going)
                                (void) fprintf(stderr, "seed %llu: %s\n", (unsigned long long) o.seed, w->failure);
                        else
                                show_failure(&arguments, o.seed);
                }
                counts_add(&counts, &w->counts);
                world_free(w);
                if (isatty(STDERR_FILENO) && seconds_now() - shown > 1 && seconds_now() - begin > 2) {
                        shown = seconds_now();
                        (void) fprintf(stderr, "\r%llu of %llu seeds, %llu million steps ",
                                        (unsigned long long) run + 1, (unsigned long long) arguments.seeds,
                                        (unsigned long long) counts.steps / 1000000);
                }
        }
        if (shown > begin)
                (void) fprintf(stderr, "\r%50s\r", "");
        print_summary(&counts, run, failed, seconds_now() - begin);
        if (arguments.counts && print_mishaps(&counts) > 0 && arguments.every_fault) {
                (void) fprintf(stderr, "Some of the faults never happened.\n");
                return 1;
        }
        return failed > 0;
}
