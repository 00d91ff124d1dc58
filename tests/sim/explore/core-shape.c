/* SPDX-License-Identifier: Apache-2.0 */
#include "core-shape.h"

#include "core/state.h"

void core_shape_begin(Core *c) {
        c->asked.last_id = BASE_ID;
        c->guard.serial = BASE_SERIAL;
        c->heard.stamp = BASE_STAMP;
}

CoreBases core_shape_bases(const Core *c) {
        return (CoreBases){ .now = c->now,
                .revision = c->heard.revision,
                .id = c->asked.last_id,
                .serial = c->guard.serial,
                .stamp = c->heard.stamp };
}

/* Leaves out the second half of the nonce of each beat, which says from which attempt the beat stems. The core looks
 * only at the first half, which names the process. */
static bool hide_nonce(Core *c, unsigned number, void **ret, size_t *ret_size) {
        for (Session *s = c->sessions; s; s = s->hh.next)
                if (number-- == 0) {
                        *ret = s->beat_value.nonce + 16;
                        *ret_size = NONCE_SIZE - 16;
                        return true;
                }
        return false;
}

bool core_shape_part(Core *c, unsigned number, void **ret, size_t *ret_size) {
        const struct {
                void *data;
                size_t size;
        } parts[] = {
                { &c->random, sizeof(c->random) }, /* dice: for names and jitter */
                { &c->now, sizeof(Now) },
                { &c->own.attempts, sizeof(uint64_t) },
                { &c->other.attempts, sizeof(uint64_t) },
                { c->heard.samples.items, sizeof(c->heard.samples.items) + sizeof(size_t) },
                { &c->memory, sizeof(Memory) },
                { &c->look.work, sizeof(CoreWork) },
                { &c->out, sizeof(Output) },
                { &c->told, sizeof(Told) },
        };

        if (number >= ELEMENTSOF(parts))
                return hide_nonce(c, number - (unsigned) ELEMENTSOF(parts), ret, ret_size);
        *ret = parts[number].data;
        *ret_size = parts[number].size;
        return true;
}

size_t core_shape_size(const Core *c, const void *block, size_t size) {
        const FenceRecord *fence = block == c->claims.fence ? c->claims.fence : NULL;

        for (const Session *s = c->sessions; s && !fence; s = s->hh.next)
                if (block == s->fence_value)
                        fence = s->fence_value;
        return fence ? offsetof(FenceRecord, names) + fence->n_names * NAME_SIZE : size;
}

/* Samples date beats. A sample that is older than any wait gives the same result as every older one. */
uint64_t core_shape_print(const Core *c, usec_t old) {
        const Samples *s = &c->heard.samples;
        uint64_t print = c->told.deaf;

        for (size_t i = s->n; i > 0; i--) {
                const Sample *x = s->items + i - 1;
                usec_t age = MIN(usec_sub(c->now.boottime, x->at), old);

                print = (print ^ (age << 20) ^ (c->heard.revision - x->revision)) * 0x9e3779b97f4a7c15u;
                print ^= print >> 29;
                if (age == old)
                        break;
        }
        return print;
}
