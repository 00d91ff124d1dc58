/* SPDX-License-Identifier: Apache-2.0 */
#include "states.h"

#include "core/state.h"
#include "util/must.h"

#define PHASES ((size_t) PHASE_RELEASING + 1)
#define OPS ((size_t) OP_MOVE_SESSION + 1)
#define PAIRS (PHASES * _LEAVE_MAX * OPS) /* where the counters of pairs begin */

/* libFuzzer takes the bytes of this section for counters. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t counters[PAIRS + PHASES * PHASES];

static void count(size_t i) {
        must(i < sizeof(counters));
        counters[i] = 1; /* reached, and not how often: a long run would else be news by its length */
}

void states_count(const Core *c) {
        for (const Unit *u = c->units; u; u = u->hh.next) {
                LeaseOp op = u->lease ? u->lease->op : OP_NONE;

                count((u->life.phase * _LEAVE_MAX + u->life.leave) * OPS + op);
        }
}

void states_count_pair(const Core *a, const Core *b) {
        for (const Unit *u = a->units; u; u = u->hh.next) {
                const Unit *there;

                HASH_FIND_STR(b->units, u->name, there);
                if (there)
                        count(PAIRS + u->life.phase * PHASES + there->life.phase);
        }
}
