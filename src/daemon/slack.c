/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/slack.h"

#include <malloc.h>

#define MUCH (300 * USEC_PER_MSEC) /* of CPU time between two calls */
#define CALM (150 * USEC_PER_MSEC)

void slack_begin(void) {
#ifdef __GLIBC__
        /* The value is the default. By itself the C library makes it larger each time that a larger block is freed;
         * from then on such blocks are taken out of the heap, and what is kept lies behind them. */
        (void) mallopt(M_MMAP_THRESHOLD, 128 * 1024);
        /* Otherwise each thread has a heap of its own, and what that is free of is of use to no other one. */
        (void) mallopt(M_ARENA_MAX, 1);
#endif
}

bool slack_is_due(Slack *s, usec_t worked) {
        usec_t since = usec_sub(worked, s->worked);
        bool due = s->much && since <= CALM;

        s->worked = worked;
        s->much = !due && (s->much || since >= MUCH);
        return due;
}

void slack_give_back(void) {
#ifdef __GLIBC__
        (void) malloc_trim(0);
#endif
}
