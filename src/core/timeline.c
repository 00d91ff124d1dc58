/* SPDX-License-Identifier: Apache-2.0 */
#include "core/timeline.h"

#include <errno.h>

#include "util/macros.h"
#include "util/must.h"

usec_t ttl_take_after(usec_t ttl) {
        return ttl + ttl / 50 + 1; /* rounded up: a taker is never early */
}

usec_t ttl_kill_slack(usec_t ttl) {
        return MIN(KILL_SLACK_MOST, ttl * 7 / 40);
}

usec_t ttl_beats_every(usec_t ttl, usec_t wanted) {
        return wanted >= BEAT_MIN && wanted < ttl / 5 ? wanted : ttl / 5;
}

usec_t ttl_attempt(usec_t ttl) {
        return MIN(USEC_PER_SEC, ttl / 6);
}

usec_t ttl_guard_patience(usec_t ttl) {
        return MAX(ttl, 2 * USEC_PER_SEC);
}

usec_t period_take_after(usec_t period) {
        return period + period / 49 + 1;
}

int timeline_compute(usec_t ttl, usec_t stop_grace, usec_t timeout_stop, Timeline *ret) {
        Timeline t = { .round = ttl / 5, .attempt = ttl_attempt(ttl), .turn = MIN(ttl / 25, 400 * USEC_PER_MSEC) };

        if (ttl < TTL_MIN || ttl > TTL_MAX)
                return -ERANGE;
        t.take = ttl_take_after(ttl);
        t.kill = ttl - ttl / 50 - ttl_kill_slack(ttl);
        t.stop_grace = stop_grace == USEC_INFINITY ? MIN(timeout_stop, ttl / 4) : stop_grace;
        t.stop = usec_sub(t.kill, t.stop_grace);
        must(t.stop <= t.kill && t.kill + ttl_kill_slack(ttl) < ttl && ttl < t.take);
        *ret = t;
        return t.stop < t.round + 2 * t.attempt ? -EDOM : 0;
}
