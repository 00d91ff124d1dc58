/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/bus-many.h"

#include <errno.h>

#include "ctl/bus.h"

enum {
        AT_ONCE = 64, /* a bus lets a connection have 128 calls without an answer */
};

#define IDLE (200 * USEC_PER_MSEC)

typedef struct Many Many;

typedef struct Call {
        Many *many;
        size_t index;
        sd_bus_slot *slot;
} Call;

struct Many {
        sd_bus *bus;
        const BusMany *calls;
        size_t sent, answered;
        Call *list;
};

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Call *call = userdata;
        Many *many = call->many;

        call->slot = sd_bus_slot_unref(call->slot);
        many->answered++;
        many->calls->take(call->index, m, sd_bus_message_get_error(m), many->calls->userdata);
        return 0;
}

static int send_next(Many *many) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Call *call = many->list + many->sent;
        int r = many->calls->make(many->sent, &m, many->calls->userdata);

        *call = (Call){ .many = many, .index = many->sent++ };
        if (r >= 0)
                r = sd_bus_call_async(many->bus, &call->slot, m, on_answer, call,
                                many->calls->timeout > 0 ? many->calls->timeout : BUS_CALL_TIMEOUT);
        return r;
}

int bus_call_many(sd_bus *bus, size_t n, const BusMany *calls) {
        size_t at_once = calls->one_by_one ? 1 : AT_ONCE;
        Many many = { .bus = bus, .calls = calls, .list = calloc(n, sizeof(Call)) };
        int r = many.list || n == 0 ? 0 : -ENOMEM;

        while (r >= 0 && many.answered < n) {
                while (r >= 0 && many.sent < n && many.sent - many.answered < at_once)
                        r = send_next(&many);
                if (r >= 0)
                        r = bus_wait(bus, calls->idle ? IDLE : USEC_INFINITY);
                if (r >= 0 && calls->idle && many.answered < n)
                        calls->idle(calls->userdata);
        }
        for (size_t i = 0; i < many.sent; i++)
                (void) sd_bus_slot_unref(many.list[i].slot);
        free(many.list);
        return MIN(r, 0);
}
