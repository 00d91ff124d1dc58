/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/alarm.h"

#include <errno.h>
#include <signal.h>

#include "util/macros.h"

/* From the kill_at of an entry on, each turn of the guard moves the alarm a little. The kernel is told only of a move
 * that is at least this long, or to an earlier time. */
#define STEP (5 * USEC_PER_MSEC)

int alarm_make(Alarm *a) {
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };

        *a = (Alarm){};
        if (timer_create(CLOCK_BOOTTIME, &event, &a->timer) < 0)
                return -errno;
        a->made = true;
        return 0;
}

void alarm_set(Alarm *a, usec_t at) {
        struct itimerspec spec = {};

        at = at == USEC_INFINITY ? 0 : MAX(at, (usec_t) 1);
        if (!a->made || at == a->at || (a->at > 0 && at > a->at && at - a->at < STEP))
                return;
        spec.it_value.tv_sec = (time_t) (at / USEC_PER_SEC);
        spec.it_value.tv_nsec = (long) (at % USEC_PER_SEC * 1000);
        if (timer_settime(a->timer, TIMER_ABSTIME, &spec, NULL) == 0)
                a->at = at;
}

void alarm_done(Alarm *a) {
        if (a->made)
                (void) timer_delete(a->timer);
        *a = (Alarm){};
}
