/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/slices.h"

#include <errno.h>

#include "util/log.h"
#include "util/time-util.h"

struct Slices {
        sd_event_source *timer;
        slices_work_t work;
        void *userdata;
};

void slices_begin(Slices *s) {
        int r = sd_event_source_set_time(s->timer, now_boottime());

        if (r >= 0)
                r = sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "cannot arm a timer");
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata) {
        Slices *s = userdata;

        if (s->work(s->userdata))
                slices_begin(s);
        return 0;
}

int slices_new(sd_event *event, slices_work_t work, void *userdata, Slices **ret) {
        Slices *s = calloc(1, sizeof(Slices));
        int r;

        if (!s)
                return -ENOMEM;
        *s = (Slices){ .work = work, .userdata = userdata };
        r = sd_event_add_time(event, &s->timer, CLOCK_BOOTTIME, USEC_INFINITY, 1, on_turn, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        if (r < 0) {
                slices_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

Slices *slices_free(Slices *s) {
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->timer);
        free(s);
        return NULL;
}
