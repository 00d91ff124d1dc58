/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/authorize.h"

#include <errno.h>
#include <utlist.h>

#include "util/log.h"

struct Authorization {
        Authorization *prev, *next;
        Daemon *daemon;
        sd_bus_message *message;
        sd_bus_slot *slot;
        verb_t verb;
};

static void authorization_free(Authorization *a) {
        DL_DELETE(a->daemon->authorizations, a);
        sd_bus_slot_unref(a->slot);
        sd_bus_message_unref(a->message);
        free(a);
}

/* 1: allowed, 0: not, negative: the bus does not know the caller (any more). */
static int check_user(sd_bus_message *answer) {
        uint32_t uid;
        int r;

        if (sd_bus_message_is_method_error(answer, NULL))
                return -sd_bus_message_get_errno(answer);
        r = sd_bus_message_read(answer, "u", &uid);
        return r < 0 ? r : uid == 0;
}

static int on_user(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Authorization *a = userdata;
        int r = check_user(answer);

        if (r < 0)
                r = sd_bus_error_set(&error, SD_BUS_ERROR_ACCESS_DENIED, "The bus does not say who is calling.");
        else if (r == 0)
                r = sd_bus_error_setf(&error, SD_BUS_ERROR_ACCESS_DENIED, "Only root may call %s().",
                                sd_bus_message_get_member(a->message));
        else
                r = a->verb(a->daemon, a->message, &error);
        if (r < 0) {
                r = sd_bus_error_is_set(&error) ? sd_bus_reply_method_error(a->message, &error)
                                                : sd_bus_reply_method_errno(a->message, r, NULL);
                if (r < 0)
                        log_debug_errno(r, "cannot reply to a method call");
        }
        sd_bus_error_free(&error);
        authorization_free(a);
        return 0;
}

int authorize(Daemon *d, sd_bus_message *m, verb_t verb, sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(m);
        Authorization *a;
        int r;

        if (!sender)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "The caller has no name on the bus.");
        a = calloc(1, sizeof(Authorization));
        if (!a)
                return -ENOMEM;
        a->daemon = d;
        a->verb = verb;
        a->message = sd_bus_message_ref(m);
        DL_APPEND(d->authorizations, a);
        r = sd_bus_call_method_async(d->bus, &a->slot, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                        "org.freedesktop.DBus", "GetConnectionUnixUser", on_user, a, "s", sender);
        if (r < 0) {
                authorization_free(a);
                return r;
        }
        return 1;
}

void authorize_cancel(Daemon *d) {
        while (d->authorizations)
                authorization_free(d->authorizations);
}
