/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/kept.h"

#include <errno.h>
#include <utlist.h>

#include "daemon/bus-util.h"
#include "util/log.h"

#define DISK_TIME (5 * USEC_PER_SEC)

struct KeptReply {
        KeptReply *prev, *next;
        Daemon *daemon;
        sd_bus_message *message, *reply;
        const char *otherwise; /* a static text */
        sd_event_source *timer;
};

static void reply_free(KeptReply *k) {
        DL_DELETE(k->daemon->callers.kept, k);
        if (!k->daemon->callers.kept)
                state_on_result(k->daemon->state, NULL, NULL);
        sd_event_source_disable_unref(k->timer);
        sd_bus_message_unref(k->message);
        sd_bus_message_unref(k->reply);
        free(k);
}

static void answer(KeptReply *k, int result) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = result >= 0 ? sd_bus_send(NULL, k->reply, NULL)
                            : bus_error(&error, BUS_ERROR("NotKept"), "%s: %s cannot be written: %s.", k->otherwise,
                                              state_path(k->daemon->state),
                                              result == -EINPROGRESS ? "the disk hangs" : strerror(-result));

        bus_reply_failed(k->message, r, &error);
        reply_free(k);
}

static void on_result(void *userdata) {
        Daemon *d = userdata;
        KeptReply *k, *next;
        int result = state_result(d->state);

        if (result != -EINPROGRESS)
                DL_FOREACH_SAFE(d->callers.kept, k, next)
                        answer(k, result);
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        answer(userdata, -EINPROGRESS);
        return 0;
}

int kept_reply(Daemon *d, sd_bus_message *m, const char *otherwise) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        return r < 0 ? r : kept_send(d, m, reply, otherwise);
}

int kept_send(Daemon *d, sd_bus_message *m, sd_bus_message *reply, const char *otherwise) {
        KeptReply *k = calloc(1, sizeof(KeptReply));
        int r;

        if (!k)
                return -ENOMEM;
        k->daemon = d;
        k->reply = sd_bus_message_ref(reply);
        k->otherwise = otherwise;
        k->message = sd_bus_message_ref(m);
        DL_APPEND(d->callers.kept, k);
        r = sd_event_add_time(d->event, &k->timer, CLOCK_BOOTTIME, usec_add(now_boottime(), DISK_TIME), USEC_PER_MSEC,
                        on_late, k);
        if (r < 0) {
                reply_free(k);
                return r;
        }
        state_remember(d->state, core_memory(d->core)); /* tries again if the last write has failed */
        state_on_result(d->state, on_result, d);
        on_result(d);
        return 1;
}

void kept_cancel(Daemon *d) {
        while (d->callers.kept)
                reply_free(d->callers.kept);
}
