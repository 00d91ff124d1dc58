/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

void story_check(World *w, bool good, const char *what, const char *file, int line) {
        if (good && !w->failed)
                return;
        world_print_trace(w);
        print_error("at %.6f s: %s\n", (double) w->now / USEC_PER_SEC, w->failed ? w->failure : what);
        world_free(w);
        _fail(file, line);
}

World *story_begin_with(size_t n_machines, size_t n_leases, usec_t ttl) {
        Options options = { .seed = 7, .n_machines = n_machines, .n_leases = n_leases, .ttl = ttl, .trace = true };
        World *w = world_new(&options);

        story_run(w, 10 * USEC_PER_MSEC);
        return w;
}

World *story_begin(size_t n_machines, usec_t ttl) {
        return story_begin_with(n_machines, 1, ttl);
}

void story_end(World *w) {
        world_free(w);
}

void story_run(World *w, usec_t span) {
        (void) world_run(w, w->now + span);
        story_expect(w, !w->failed);
}

static bool all_run(World *w, void *userdata) {
        return check_all_run(w);
}

void story_settle(World *w) {
        bool settled = world_run_until(w, 10 * w->machines[0].ttl + USEC_PER_SEC, all_run, NULL);

        story_expect(w, settled);
}

Machine *story_place(World *w) {
        unsigned running = w->leases[0].running;

        return running ? w->machines + __builtin_ctz(running) : NULL;
}

Machine *story_other(World *w, const Machine *m) {
        return w->machines + (m->number + 1u) % w->n_machines;
}

uint64_t story_index(const World *w) {
        return w->leases[0].start_index;
}

uint64_t story_starts(const World *w) {
        return w->counts.starts;
}

static bool runs_elsewhere(World *w, void *userdata) {
        const Machine *m = story_place(w), *except = userdata;

        return m && m != except;
}

Machine *story_until_runs(World *w, const Machine *except, usec_t within) {
        bool runs = world_run_until(w, within, runs_elsewhere, (void *) except);

        story_expect(w, runs);
        return story_place(w);
}

static bool is_down(World *w, void *userdata) {
        return w->leases[0].running == 0;
}

void story_until_down(World *w, usec_t within) {
        bool down = world_run_until(w, within, is_down, NULL);

        story_expect(w, down);
}
