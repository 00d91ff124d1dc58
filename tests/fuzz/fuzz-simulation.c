/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulation, with every draw of chance taken from the input as long as there is one: faults, times, answers, an
 * operator's words. So the input is a tape of choices. The real core runs on each machine, and S1, S2, S3 and the laws
 * that keep them are checked at every step; a run that breaks one prints its last lines.
 *
 * Each tape enables a subset of the faults of its own. libFuzzer keeps a tape that reaches an edge of the core or of
 * the guard which no tape before has reached, and also one that brings a unit into a new state: a phase with a reason
 * to leave and a request on its lease, or two phases of the unit on two machines at once.
 */
#include "fuzz.h"
#include "states.h"
#include "../sim/sim.h"

static void stepped(const World *w, const Machine *m) {
        states_count(m->core);
        for (size_t i = 0; i < w->n_machines; i++)
                if (w->machines + i != m && w->machines[i].core)
                        states_count_pair(m->core, w->machines[i].core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Input in = { data, size };
        Options o = { .faults = true, .duration = 20 * USEC_PER_SEC, .stepped = stepped };
        World *w;

        o.n_machines = 2 + input_byte(&in) % 3;
        o.n_leases = 1 + input_byte(&in) % 3;
        o.bias = input_byte(&in) % _BIAS_MAX;
        o.seed = input_byte(&in);
        o.tape = in.data;
        o.tape_size = in.size;
        w = world_new(&o);
        if (!world_run_seed(w)) {
                world_free(w);
                o.trace = true;
                w = world_new(&o);
                (void) world_run_seed(w);
                world_print_trace(w);
                (void) fprintf(stderr, "%s\n", w->failure);
                abort();
        }
        world_free(w);
        return 0;
}
