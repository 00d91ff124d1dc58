/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "ctl/message-json.h"

/* The daemon has five seconds for a call, then it says that it does not know. */
#define ANSWER_TIMEOUT (8 * USEC_PER_SEC)
#define TRY_AGAIN (200 * USEC_PER_MSEC)
#define VERSION_MASK ((INT64_C(1) << 53) - 1) /* what every reader of JSON can hold */

int keeper_begin(Keeper *k, sd_bus *bus, const char *name, usec_t period) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        int r = bus_get_all(bus, LEASED_NAME, LEASED_PATH, LEASED_MANAGER, &manager, &error);

        if (r < 0)
                return bus_complain(name, r, &error);
        *k = (Keeper){ .bus = bus, .name = name, .period = period };
        str_copy(k->machine_id, sizeof(k->machine_id), get_string(manager, "MachineID"));
        if (getrandom(&k->version, sizeof(k->version), 0) != sizeof(k->version))
                return bus_complain(name, -EIO, NULL);
        k->version &= VERSION_MASK;
        return CTL_OK;
}

void keeper_done(Keeper *k) {
        k->call = sd_bus_slot_unref(k->call);
        free(k->path);
        k->path = NULL;
}

static void extend(Keeper *k, uint64_t index) {
        k->index = index;
        k->deadline = usec_add(k->sent, k->period);
        k->next = usec_add(k->sent, k->period / 3);
        k->trouble[0] = '\0';
}

int keeper_acquire(Keeper *k, sd_bus_error *error) {
        json_auto_t *answer = NULL;
        int r;

        k->sent = now_boottime();
        r = bus_call(k->bus, &bus_leased, "AcquireLease", &answer, error, "ssxt", k->name, "", k->version, k->period);
        if (r < 0)
                return r;
        if (!json_is_true(json_array_get(answer, 0)))
                return 0;
        free(k->path);
        k->path = strdup(strempty(json_string_value(json_array_get(answer, 1))));
        extend(k, (uint64_t) json_integer_value(json_array_get(answer, 2)));
        return k->path ? 1 : -ENOMEM;
}

/* ---- renewing ---- */

static void note_trouble(Keeper *k, sd_bus_message *m) {
        const sd_bus_error *error = sd_bus_message_get_error(m);

        str_copy(k->trouble, sizeof(k->trouble), strempty(error ? error->message : NULL));
}

/* GetLease has answered: whose is it? What is not known changes nothing: the deadline stands. */
static int on_looked(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        json_auto_t *answer = NULL;
        Keeper *k = userdata;

        k->call = sd_bus_slot_unref(k->call);
        k->next = usec_add(now_boottime(), TRY_AGAIN);
        if (sd_bus_message_is_method_error(m, NULL) || message_json_body(m, &answer) < 0)
                return 0;
        if (json_is_true(json_array_get(answer, 0)) &&
                        streq(strempty(json_string_value(json_array_get(answer, 2))), k->machine_id) &&
                        json_integer_value(json_array_get(answer, 3)) == k->version)
                k->index = (uint64_t) json_integer_value(json_array_get(answer, 4));
        else
                k->lost = true;
        return 0;
}

static int on_renewed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Keeper *k = userdata;
        uint64_t index;
        int r;

        k->call = sd_bus_slot_unref(k->call);
        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "t", &index) >= 0) {
                extend(k, index);
                return 0;
        }
        note_trouble(k, m);
        r = sd_bus_call_method_async(k->bus, &k->call, LEASED_NAME, LEASED_PATH, LEASED_MANAGER, "GetLease", on_looked,
                        k, "s", k->name);
        if (r < 0)
                k->next = usec_add(now_boottime(), TRY_AGAIN);
        return 0;
}

static int renew(Keeper *k) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(k->bus, &m, LEASED_NAME, k->path, LEASED_LEASE, "Renew");

        if (r >= 0)
                r = sd_bus_message_append(m, "tt", k->index, k->period);
        if (r < 0)
                return r;
        k->sent = now_boottime();
        return sd_bus_call_async(k->bus, &k->call, m, on_renewed, k, ANSWER_TIMEOUT);
}

usec_t keeper_step(Keeper *k) {
        usec_t now = now_boottime();
        int r;

        if (k->lost || k->call)
                return USEC_INFINITY;
        if (now < k->next)
                return k->next;
        r = renew(k);
        if (r >= 0)
                return USEC_INFINITY;
        str_copy(k->trouble, sizeof(k->trouble), strerror(-r));
        k->next = usec_add(now, TRY_AGAIN);
        return k->next;
}

void keeper_release(Keeper *k) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const BusName on = { LEASED_NAME, k->path, LEASED_LEASE };
        char left[32];
        int r;

        /* A renewal that is under way would be in its way. */
        while (k->call && bus_wait(k->bus, ANSWER_TIMEOUT) >= 0)
                ;
        if (k->lost)
                return;
        r = bus_call(k->bus, &on, "Release", NULL, &error, "t", k->index);
        if (r < 0)
                complain("%s: not released, and held for another %s: %s", k->name,
                                format_span(left, sizeof(left), usec_sub(k->deadline, now_boottime())),
                                error.message ?: strerror(-r));
}
