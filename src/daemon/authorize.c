/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two questions, one after the other, neither waited for: the bus is asked who calls; uid 0 may do anything. About
 * anybody else polkit is asked; where there is no polkit, only uid 0 may. What came to be known of a caller is forgotten
 * with the call: the next one is asked about anew.
 */

#include "daemon/authorize.h"

#include <errno.h>
#include <utlist.h>

#include "daemon/bus.h"
#include "util/log.h"

/* Somebody may have to type a password. */
#define POLKIT_TIMEOUT (2 * USEC_PER_MINUTE)
#define POLKIT_INTERACTIVE 1u

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

/* Ends it: r and error are what there is to reply, unless the verb has replied by itself (r >= 0). */
static void finish(Authorization *a, int r, sd_bus_error *error) {
        if (r < 0) {
                r = sd_bus_error_is_set(error) ? sd_bus_reply_method_error(a->message, error)
                                               : sd_bus_reply_method_errno(a->message, r, NULL);
                if (r < 0)
                        log_debug_errno(r, "cannot reply to a method call");
        }
        sd_bus_error_free(error);
        authorization_free(a);
}

static void allow(Authorization *a) {
        sd_bus_error error = SD_BUS_ERROR_NULL;

        finish(a, a->verb(a->daemon, a->message, &error), &error);
}

static void refuse(Authorization *a, const char *name, const char *why) {
        sd_bus_error error = SD_BUS_ERROR_NULL;

        finish(a, bus_error(&error, name, "Only root may call %s()%s.", sd_bus_message_get_member(a->message), why),
                        &error);
}

/* ---- polkit ---- */

static const char *action_of(sd_bus_message *m) {
        const char *member = sd_bus_message_get_member(m);

        if (streq(member, "Reload"))
                return "org.leased1.reload";
        if (streq(sd_bus_message_get_interface(m), "org.leased1.Lease") || endswith(member, "Lease"))
                return "org.leased1.manage-leases";
        return "org.leased1.manage-units";
}

/* {verb, lease, unit or machine}: for the text that an administrator is shown, and for rules. */
static int append_details(sd_bus_message *question, sd_bus_message *m) {
        bool of_units = streq(action_of(m), "org.leased1.manage-units"),
             of_machine = endswith(sd_bus_message_get_member(m), "Machine");
        const char *object = sd_bus_message_get_path(m);
        int r;

        if (sd_bus_message_has_signature(m, "") || sd_bus_message_read(m, "s", &object) < 0)
                object = of_units ? "" : object;
        r = sd_bus_message_append(question, "a{ss}", 4, "verb", sd_bus_message_get_member(m), "unit",
                        of_units && !of_machine ? object : "", "lease", of_units ? "" : object, "machine",
                        of_machine ? object : "");
        return r < 0 ? r : sd_bus_message_rewind(m, true);
}

static int on_polkit(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error) {
        Authorization *a = userdata;
        int authorized = 0, challenge = 0;

        if (sd_bus_message_is_method_error(answer, NULL))
                refuse(a, SD_BUS_ERROR_ACCESS_DENIED, ", and polkit does not answer");
        else if (sd_bus_message_enter_container(answer, 'r', "bba{ss}") < 0 ||
                 sd_bus_message_read(answer, "bb", &authorized, &challenge) < 0)
                refuse(a, SD_BUS_ERROR_ACCESS_DENIED, ", and polkit's answer cannot be read");
        else if (authorized)
                allow(a);
        else if (challenge)
                refuse(a, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, ", or who authenticates to polkit");
        else
                refuse(a, SD_BUS_ERROR_ACCESS_DENIED, ", and polkit does not allow it");
        return 0;
}

static int ask_polkit(Authorization *a) {
        sd_bus_message *question = NULL;
        uint32_t flags = sd_bus_message_get_allow_interactive_authorization(a->message) > 0 ? POLKIT_INTERACTIVE : 0;
        int r;

        r = sd_bus_message_new_method_call(a->daemon->bus, &question, "org.freedesktop.PolicyKit1",
                        "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                        "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(question, "(sa{sv})s", "system-bus-name", 1, "name", "s",
                                sd_bus_message_get_sender(a->message), action_of(a->message));
        if (r >= 0)
                r = append_details(question, a->message);
        if (r >= 0)
                r = sd_bus_message_append(question, "us", flags, "");
        if (r >= 0) {
                a->slot = sd_bus_slot_unref(a->slot);
                r = sd_bus_call_async(a->daemon->bus, &a->slot, question, on_polkit, a, POLKIT_TIMEOUT);
        }
        sd_bus_message_unref(question);
        return r;
}

/* ---- the bus ---- */

static int on_user(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error) {
        Authorization *a = userdata;
        uint32_t uid;

        if (sd_bus_message_is_method_error(answer, NULL) || sd_bus_message_read(answer, "u", &uid) < 0)
                refuse(a, SD_BUS_ERROR_ACCESS_DENIED, ", and the bus does not say who is calling");
        else if (uid == 0)
                allow(a);
        else if (ask_polkit(a) < 0)
                refuse(a, SD_BUS_ERROR_ACCESS_DENIED, "");
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
