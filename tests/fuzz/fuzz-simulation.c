/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulation, with every draw of chance taken from the input as long as there is one: faults, times, answers, an
 * operator's words. The real core runs on each machine, and S1, S2, S3 and the laws that keep them are checked at
 * every step; a run that breaks one prints its last lines.
 */
#include "fuzz.h"
#include "../sim/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Input in = { data, size };
        Options o = { .faults = true, .duration = 20 * USEC_PER_SEC };
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
