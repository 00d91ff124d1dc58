/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search goes depth first, from copies of the world's memory. From each state it first tries what happens in
 * peace, that is without another trouble. So the path of peace that leads from the state to a running unit (L1) is
 * known before all other paths, and all states on this path are marked.
 */
#include "search.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "region.h"
#include "core-shape.h"
#include "print.h"
#include "rare.h"

enum { FRAMES_MAX = 40000 };

/* A state from which there is more than one way on. */
typedef struct Frame {
        Copy *copies[REGIONS_MAX];
        Choice *choices;
        uint32_t n, next;
        uint32_t at; /* its place in the path */
        unsigned troubles;
        usec_t dry_since;
} Frame;

/* A step of the path from the root to the present state. */
typedef struct Step {
        Choice choice;
        size_t place; /* in the table, of the state before the step */
} Step;

/* A lease whose record is lost waits for the longest TTL with its margin, after the machine's boot. */
static const usec_t dry_most = 2 * USEC_PER_MINUTE;

static World *world;
static const SearchOptions *options;
static Seen *seen, *seen_calm; /* seen_calm is of this process alone: the states before the first trouble, since each
                                  process goes through all of these */
static SearchCounts *counts;
static SearchShared *shared;
static uint8_t *firsts;
static Frame frames[FRAMES_MAX];
static size_t n_frames;
static Step *path;
static size_t n_path, path_size;
static Copy *present[REGIONS_MAX]; /* copies of the regions as they are now; NULL: the region has changed since it was
                                      copied */
static Copy *root[REGIONS_MAX];
static uint64_t core_prints[MACHINES_MAX];
static bool core_known[MACHINES_MAX]; /* core_prints has the fingerprint of the core as it is now */
static usec_t begun_at, dry_since;
static unsigned troubles_left;
static uint32_t n_first; /* first troubles that were met */
static int first;        /* the one whose consequences are searched; -1: none */

/* ---- the core, each in its region ---- */

Core *__real_core_new(const CoreConfig *config);
Core *__real_core_free(Core *core);
const Action *__real_core_step(Core *core, Now now, const Event *event, size_t *ret_n);
Core *__wrap_core_new(const CoreConfig *config);
Core *__wrap_core_free(Core *core);
const Action *__wrap_core_step(Core *core, Now now, const Event *event, size_t *ret_n);

static size_t machine_of(const Core *core) {
        size_t i = 0;

        while (i < world->n_machines && world->machines[i].core != core)
                i++;
        if (i == world->n_machines)
                abort();
        return i;
}

static void core_changes(size_t machine) {
        region_copy_unref(present[REGION_CORE + machine]);
        present[REGION_CORE + machine] = NULL;
        core_known[machine] = false;
}

Core *__wrap_core_new(const CoreConfig *config) {
        size_t i = 0;
        Core *core;
        int before;

        while (!streq(world->machines[i].id, config->machine_id))
                i++;
        core_changes(i);
        region_reset(REGION_CORE + (int) i);
        before = region_enter(REGION_CORE + (int) i);
        core = __real_core_new(config);
        core_shape_begin(core);
        (void) region_enter(before);
        return core;
}

Core *__wrap_core_free(Core *core) {
        if (core) {
                size_t i = machine_of(core);

                core_changes(i);
                region_reset(REGION_CORE + (int) i);
        }
        return NULL;
}

const Action *__wrap_core_step(Core *core, Now now, const Event *event, size_t *ret_n) {
        size_t i = machine_of(core);
        int before = region_enter(REGION_CORE + (int) i);
        const Action *actions = __real_core_step(core, now, event, ret_n);

        core_changes(i);
        (void) region_enter(before);
        return actions;
}

/* ---- copies ---- */

static size_t n_regions(void) {
        return REGION_CORE + world->n_machines;
}

static void save(Copy **ret) {
        for (size_t r = 0; r < n_regions(); r++) {
                if (!present[r]) {
                        present[r] = region_save((int) r);
                        if (r >= REGION_CORE)
                                present[r]->print = core_prints[r - REGION_CORE];
                        counts->copies++;
                }
                ret[r] = region_copy_ref(present[r]);
        }
}

static void restore(Copy *const *copies) {
        for (size_t r = 0; r < n_regions(); r++) {
                if (present[r] == copies[r])
                        continue;
                region_restore((int) r, copies[r]);
                region_copy_unref(present[r]);
                present[r] = region_copy_ref(copies[r]);
                if (r >= REGION_CORE) {
                        core_prints[r - REGION_CORE] = copies[r]->print;
                        core_known[r - REGION_CORE] = true;
                }
        }
}

static void world_changes(void) {
        region_copy_unref(present[REGION_WORLD]);
        present[REGION_WORLD] = NULL;
}

static uint64_t print_present(void) {
        for (size_t i = 0; i < world->n_machines; i++) {
                if (!core_known[i])
                        core_prints[i] = world->machines[i].core
                                                         ? print_core(REGION_CORE + (int) i, world->machines[i].core,
                                                                           options->ttl)
                                                         : 0;
                core_known[i] = true;
        }
        return print_world(world, core_prints) ^ options->rates[0] * 0x9e3779b97f4a7c15u ^
               (options->temper + options->rates[1]) * 0xbf58476d1ce4e5b9u;
}

/* ---- steps ---- */

/* Takes the events out that nobody waits for any more, and moves time on to the next instant at which something
 * happens. */
static void settle(void) {
        usec_t instant = USEC_INFINITY;

        for (size_t i = 0; i < world->n_heap; i++)
                if (!print_is_stale(world, world->queue + i))
                        instant = MIN(instant, turns_instant(world->queue + i));
        for (size_t i = 0; i < world->n_heap;)
                if (turns_instant(world->queue + i) <= instant && print_is_stale(world, world->queue + i)) {
                        SimEvent e = turns_take(world, i);

                        world->now = MAX(world->now, turns_instant(&e));
                        world_dispatch(world, &e);
                        i = 0;
                } else
                        i++;
        world->now = MAX(world->now, instant);
}

static bool make(Choice c) {
        int before = region_enter(REGION_WORLD);
        bool good;

        world_changes();
        good = choices_make(world, &options->rules, c);
        if (!world->failed)
                settle();
        (void) region_enter(before);
        counts->steps++;
        return good;
}

static void path_add(Choice c, size_t place) {
        if (n_path == path_size) {
                path_size = MAX((size_t) 4096, 2 * path_size);
                path = realloc(path, path_size * sizeof(Step));
                if (!path)
                        abort();
        }
        path[n_path++] = (Step){ c, place };
}

/* Notes that the present state leads to a running unit. So does each state before it on the path from which peace led
 * here. */
static void mark_live(size_t place) {
        Seen *s = seen;

        seen_set_live(s, place);
        for (size_t i = n_path; i > 0 && path[i - 1].choice.trouble == TROUBLE_NONE; i--) {
                if (seen_is_live(s, path[i - 1].place))
                        break;
                seen_set_live(s, path[i - 1].place);
        }
}

/* ---- what went wrong ---- */

static void tell_story(const char *what) {
        bool live = world->options.trace_live;
        char said[512], words[256];

        str_copy(said, sizeof(said), what);
        restore(root);
        (void) region_enter(-1);
        trace_init(world);
        world->options.trace_live = live;
        turns_slow_deaths(options->temper != TEMPER_MEEK);
        for (size_t i = 0; i < n_path; i++) {
                Choice c = path[i].choice;

                if (c.trouble != TROUBLE_NONE) {
                        const Machine *m = world->machines + world->queue[c.slot].machine;

                        choices_say(world, &options->rules, c, words, sizeof(words));
                        trace_line(world, m, "%s", words);
                        (void) fprintf(stderr, "\nAt %.3f s, %s, %s", (double) world->now / USEC_PER_SEC, m->hostname,
                                        words);
                }
                (void) make(c);
        }
        (void) fprintf(stderr,
                        "\n\nBROKEN: %s\n\nThe last of what led to it, from a cluster at rest on (%zu steps):\n\n",
                        said, n_path);
        world_print_trace(world);
}

static bool is_first_to_break(void) {
        return __atomic_exchange_n(&shared->end, SEARCH_BROKEN, __ATOMIC_SEQ_CST) != SEARCH_BROKEN;
}

/* Handles SIGABRT: a must() of the core or the guard does not hold. The story plays the same steps again, and so ends
 * in the same must(), which calls this function a second time. */
static void on_abort(int number) {
        world->options.trace_live = true;
        if (is_first_to_break())
                tell_story("a must() does not hold");
}

/* Goes on from the present state in peace, without looking at other ways, until the unit runs. Returns false if the
 * unit does not run within two minutes, or a promise is broken. */
static bool follow(void) {
        usec_t until = world->now + dry_most;
        static Choice list[CHOICES_MAX];

        while (world->now < until && !world->failed) {
                size_t n = choices_list(world, &options->rules, false, list);

                if (check_all_run(world))
                        return true;
                if (n == 0)
                        break;
                path_add(list[0], 0);
                (void) make(list[0]);
        }
        return false;
}

static bool fail(const char *what) {
        if (is_first_to_break())
                tell_story(what);
        return false;
}

/* ---- the search ---- */

static Budget budget(void) {
        usec_t span = options->ttls * options->ttl, gone = world->now - begun_at;

        return (Budget){ .troubles = troubles_left,
                .time = gone >= span ? 0 : (unsigned) ((span - gone) * 15 / span) };
}

/* Which kinds of trouble may come next hangs on how many have come. */
static ChoiceRules rules_now(void) {
        ChoiceRules r = options->rules;

        if (troubles_left > 0)
                r.kinds = options->kinds[options->troubles - troubles_left];
        return r;
}

/* Looks at the present state. Gives the ways on from it: none if it is known. False: a promise is broken. */
static bool look(Choice list[static CHOICES_MAX], size_t *ret_n, size_t *ret_place) {
        Budget b = budget();
        bool runs = check_all_run(world), calm = troubles_left == options->troubles, peace;
        uint64_t print = print_present();
        SeenAs as = seen_note(seen, print, b, ret_place);
        ChoiceRules rules;

        *ret_n = 0;
        counts->timeout = counts->timeout || as == SEEN_FULL;
        if (as == SEEN_FULL)
                return true;
        peace = n_path > 0 && path[n_path - 1].choice.trouble == TROUBLE_NONE;
        if (runs)
                dry_since = world->now;
        counts->dry_max = MAX(counts->dry_max, world->now - dry_since);
        counts->states += as == SEEN_NEW;
        if (calm) { /* every process has a table of its own of these */
                size_t place;

                as = seen_note(seen_calm, print, b, &place);
        }
        if (runs || (as == SEEN_KNOWN && seen_is_live(seen, *ret_place)))
                mark_live(*ret_place);
        else if (as == SEEN_KNOWN && peace) {
                size_t length = n_path;

                if (!follow())
                        return false;
                n_path = length;
                mark_live(*ret_place);
        }
        if (as == SEEN_KNOWN) {
                counts->merged++;
                return true;
        }
        counts->again += as == SEEN_POORER;
        rules = rules_now();
        *ret_n = choices_list(world, &rules, b.troubles > 0 && b.time > 0, list);
        if (b.time == 0)
                *ret_n = runs ? 0 : MIN(*ret_n, 1u);
        return true;
}

/* Goes on from the present state as far as there is one way only, and then makes a frame. False: a promise is broken.
 */
static bool go_on(void) {
        static Choice list[CHOICES_MAX];
        size_t n, place;

        for (;;) {
                if (world->failed)
                        return fail(world->failure);
                if (world->now > dry_since + dry_most)
                        return fail("L1: the unit runs nowhere, though nothing has gone wrong for two minutes");
                if (!look(list, &n, &place))
                        return fail(world->failed ? world->failure : "L1: the unit will never run again");
                counts->depth_max = MAX(counts->depth_max, n_path);
                if (n == 0)
                        return true;
                if (n > 1)
                        break;
                path_add(list[0], place);
                (void) make(list[0]);
        }
        if (n_frames == FRAMES_MAX)
                abort();
        Frame *f = frames + n_frames++;

        *f = (Frame){ .n = (uint32_t) n, .at = (uint32_t) n_path, .troubles = troubles_left, .dry_since = dry_since };
        f->choices = malloc(n * sizeof(Choice));
        if (!f->choices)
                abort();
        memcpy(f->choices, list, n * sizeof(Choice));
        save(f->copies);
        counts->copy_max = MAX(counts->copy_max, region_copy_bytes());
        path_add((Choice){}, place); /* the choice is filled in below */
        return true;
}

/* Returns false if another process has the first trouble that was met just now, or has had it. */
static bool take_first(void) {
        uint8_t free_one = FIRST_FREE;
        uint32_t met = n_first++;

        if (met >= FIRSTS_MAX)
                abort();
        if (!__atomic_compare_exchange_n(
                            firsts + met, &free_one, FIRST_TAKEN, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
                return false;
        __atomic_fetch_add(&shared->inside, 1, __ATOMIC_SEQ_CST);
        first = (int) met;
        return true;
}

static void leave_first(void) {
        if (first < 0)
                return;
        firsts[first] = FIRST_DONE;
        first = -1;
        __atomic_fetch_sub(&shared->inside, 1, __ATOMIC_SEQ_CST);
}

/* Takes the next way on from the last frame, or drops the frame if there is none left. False: a promise is broken. */
static bool try_next(void) {
        Frame *f = frames + n_frames - 1;
        Choice c;

        if (f->troubles == options->troubles)
                leave_first();
        if (f->next == f->n) {
                for (size_t r = 0; r < n_regions(); r++)
                        region_copy_unref(f->copies[r]);
                free(f->choices);
                n_frames--;
                return true;
        }
        c = f->choices[f->next++];
        n_path = f->at + 1;
        path[f->at].choice = c;
        troubles_left = f->troubles;
        dry_since = f->dry_since;
        if (c.trouble != TROUBLE_NONE && troubles_left == options->troubles && !take_first())
                return true;
        restore(f->copies);
        if (c.trouble != TROUBLE_NONE) {
                troubles_left--;
                dry_since = world->now;
                counts->by_trouble[c.trouble]++;
        }
        if (!make(c))
                return true;
        return go_on();
}

static void begin_world(void) {
        Options o = { .seed = 1,
                .n_machines = options->n_machines,
                .n_leases = options->n_leases,
                .ttl = options->ttl,
                .bias = rare_bias(options->temper),
                .promises_only = options->promises_only,
                .lone = true };

        for (int r = 0; r < REGIONS_MAX; r++)
                region_reset(r);
        (void) region_enter(REGION_WORLD);
        world = world_new(&o);
        world->map.revision = BASE_REVISION;
        world->fault_enabled[FAULT_PID1_STALL] = true;
        for (size_t i = 0; i < world->n_machines; i++)
                world->machines[i].rate_ppm = options->rates[i];
        world->slowest_stop = options->temper == TEMPER_STUBBORN || options->temper >= TEMPER_WATCHED;
        world->always_extra = options->temper == TEMPER_PARENT;
        for (size_t i = 0; i < world->n_leases; i++) {
                world->has_extra[i] = options->temper == TEMPER_PARENT;
                world->stop_time[i] = USEC_PER_MINUTE;
                world->post_time[i] = options->temper == TEMPER_POST ? 10 * USEC_PER_SEC : 0;
                world->unit_configs[i].freezes = options->temper == TEMPER_COLD;
        }
        rare_begin(world, options->temper);
        turns_slow_deaths(options->temper != TEMPER_MEEK);
        turns_late_watchdog(options->temper == TEMPER_WATCHED);
        (void) region_enter(-1);
}

/* Brings the world to the root of the search: goes on in peace until all units run, and then for two TTLs more. */
static bool come_to_rest(void) {
        static Choice list[CHOICES_MAX];
        usec_t rest = USEC_INFINITY;

        while (!world->failed && world->now < MIN(rest, 2 * USEC_PER_MINUTE)) {
                if (choices_list(world, &options->rules, false, list) == 0)
                        return false;
                (void) make(list[0]);
                if (rest == USEC_INFINITY && check_all_run(world))
                        rest = world->now + 2 * options->ttl;
        }
        return check_all_run(world);
}

static double own_seconds(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static bool is_over(void) {
        if (shared->end == SEARCH_BROKEN)
                return true;
        return (first < 0 || !options->whole) &&
               (shared->end != SEARCH_GOES_ON || counts->seconds - counts->before >= options->seconds);
}

bool search_run(const SearchOptions *o, Seen *table, SearchCounts *own_counts, SearchShared *all,
                uint8_t *all_firsts) {
        double before = own_counts->seconds; /* in the searches before this one */
        bool good;

        options = o;
        seen = table;
        counts = own_counts;
        shared = all;
        firsts = all_firsts;
        first = -1;
        seen_calm = seen_new(24);
        n_path = n_frames = n_first = 0;
        memset(core_known, 0, sizeof(core_known));
        for (size_t i = 0; i < REGIONS_MAX; i++)
                present[i] = NULL;
        begin_world();
        (void) signal(SIGABRT, on_abort);
        if (!come_to_rest()) {
                (void) fprintf(stderr, "The units do not come to run: %s\n", world->failure);
                return false;
        }
        begun_at = dry_since = world->now;
        troubles_left = options->troubles;
        (void) print_present();
        save(root);
        good = go_on();
        while (good && n_frames > 0 && !counts->timeout) {
                good = try_next();
                if (counts->steps % 256 == 0 || first < 0)
                        counts->seconds = before + own_seconds();
                counts->timeout = counts->timeout || is_over();
        }
        counts->seconds = before + own_seconds();
        return good;
}
