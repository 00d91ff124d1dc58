/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wait.h"

#include <stdio.h>
#include <unistd.h>

#include "ctl/interrupt.h"
#include "ctl/leases.h"
#include "ctl/message-json.h"
#include "ctl/output.h"
#include "ctl/polkit-agent.h"
#include "ctl/progress.h"

/* Adds "Trouble", which says what is wrong with the registry, if it has trouble. */
static void add_trouble(Ctl *ctl, json_t *props) {
        json_auto_t *manager = NULL;

        if (bus_get_manager(ctl->bus, &manager, NULL) >= 0 && streq(get_string(manager, "RegistryState"), "trouble"))
                (void) json_object_set(props, "Trouble", json_object_get(manager, "RegistryError"));
}

/* Gives the properties of org.leased1.Unit, with "Trouble". */
static int read_unit(Ctl *ctl, const char *unit, json_t **ret, sd_bus_error *error) {
        int r = bus_get_unit(ctl->bus, unit, ret, error);

        if (r >= 0)
                add_trouble(ctl, *ret);
        return r;
}

/* ---- until it has begun ---- */

typedef struct Answer {
        bool come;
        int r;
        json_t *body;
        sd_bus_error error;
} Answer;

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Answer *a = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);

        a->come = true;
        if (e) {
                a->r = -sd_bus_error_get_errno(e);
                (void) sd_bus_error_copy(&a->error, e);
        } else
                a->r = message_json_body(m, &a->body);
        return 0;
}

/* Shows what is waited for. If the registry has no trouble, and leased may be waiting for a password of the caller,
 * nothing is shown. */
static void show(Ctl *ctl, const char *unit, const char *host, Progress *progress) {
        json_auto_t *props = NULL;
        char text[256];

        if (*host && geteuid() == 0) {
                (void) snprintf(text, sizeof(text), "%s is asked, and has not answered yet", host);
                progress_say(progress, text);
        } else if (read_unit(ctl, unit, &props, NULL) >= 0 && *get_string(props, "Trouble"))
                progress_show(progress, props);
}

static int wait_for_answer(Ctl *ctl, const char *unit, const char *host, Answer *answer) {
        Progress progress = progress_begin(unit);
        bool withdrawn = false;
        int r = 0;

        interrupt_catch();
        while (r >= 0 && !answer->come) {
                r = bus_wait(ctl->bus, PROGRESS_POLL);
                if (r < 0 || answer->come)
                        break;
                if (interrupt_came() && !withdrawn) {
                        withdrawn = true;
                        bus_withdraw(ctl->bus);
                }
                show(ctl, unit, host, &progress);
        }
        interrupt_release();
        progress_end(&progress);
        return r < 0 ? r : answer->r;
}

/* What was asked for is ended by Ctrl-C: leased has said whether it was in time. */
static _Noreturn void leave(const char *unit, int r, const sd_bus_error *error) {
        if (sd_bus_error_has_name(error, LEASED_ERROR("Withdrawn")))
                complain("%s: taken back, and nothing has begun", unit);
        else if (r >= 0)
                complain("%s: could not be taken back any more: it has begun, and goes on", unit);
        else
                (void) bus_complain(unit, r, error);
        interrupt_leave();
}

int wait_call(Ctl *ctl, const char *unit, const char *host, const char *method, json_t **ret, const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        Answer answer = {};
        va_list ap;
        int code = CTL_OK, r;

        polkit_agent_open(ctl);
        r = sd_bus_message_new_method_call(
                        ctl->bus, &m, bus_leased.name, bus_leased.path, bus_leased.interface, method);
        va_start(ap, types);
        if (r >= 0)
                r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        if (r >= 0)
                r = sd_bus_call_async(ctl->bus, &slot, m, on_answer, &answer, UINT64_MAX);
        if (r >= 0)
                r = wait_for_answer(ctl, unit, host, &answer);
        if (interrupt_came())
                leave(unit, r, &answer.error);
        if (r < 0)
                code = bus_complain(unit, r, &answer.error);
        else if (ret)
                *ret = json_incref(answer.body);
        json_decref(answer.body);
        sd_bus_error_free(&answer.error);
        return code;
}

/* ---- until it is done ---- */

/* Whether leased no longer knows the unit: it forgets a command of "leasectl run" when that is over. */
static bool is_gone(const sd_bus_error *error) {
        return sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_OBJECT) ||
               sd_bus_error_has_name(error, LEASED_NAME ".Error.NoSuchUnit");
}

int wait_for(Ctl *ctl, const char *unit, wait_test_t test, void *userdata) {
        Progress progress = progress_begin(unit);

        for (;;) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                json_auto_t *props = NULL;
                int r = read_unit(ctl, unit, &props, &error);

                if (r >= 0) {
                        if (test(props, userdata) > 0)
                                break;
                        progress_show(&progress, props);
                        r = bus_wait(ctl->bus, PROGRESS_POLL);
                }
                if (r < 0 && is_gone(&error))
                        break;
                if (r < 0) {
                        progress_end(&progress);
                        return bus_complain(unit, r, &error);
                }
        }
        progress_end(&progress);
        return CTL_OK;
}

void wait_say_begun(const Ctl *ctl, const char *unit, const char *host, const char *verb) {
        if (!ctl->wait)
                say("%s: %s has begun: %s", unit, *host ? host : "this machine", verb);
}

void wait_say_holder(const char *unit, const char *done, const json_t *props, const char *host) {
        const char *machine = get_string(props, "MachineID");

        if (!props)
                say("%s: %s, and over", unit, done);
        else if (!get_boolean(props, "HolderKnown"))
                say("%s: %s; who holds it now is not known", unit, done);
        else if (*machine)
                say("%s: %s, now held by %s at Index %" JSON_INTEGER_FORMAT, unit, done, *host ? host : machine,
                                get_integer(props, "LeaseIndex"));
        else
                say("%s: %s, nobody holds it yet", unit, done);
}

int wait_print_holder(Ctl *ctl, const char *unit, const char *done) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *props = NULL, *lease = NULL;
        int r = bus_get_unit(ctl->bus, unit, &props, &error);

        if (r < 0 && !is_gone(&error))
                return bus_complain(unit, r, &error);
        if (props)
                (void) bus_get_lease(ctl->bus, get_string(props, "Lease"), &lease, NULL);
        wait_say_holder(unit, done, props, get_string(lease, "Hostname"));
        return CTL_OK;
}

int wait_each(Ctl *ctl, int argc, char **argv, int (*f)(Ctl *ctl, const char *unit)) {
        int code = CTL_OK, r = bus_watch_leased(ctl->bus);

        if (r < 0)
                return bus_complain("leased", r, NULL);
        for (int i = 0; i < argc; i++) {
                _cleanup_free_ char *unit = unit_name_resolve(ctl, argv[i]);
                int c = f(ctl, strempty(unit));

                if (c != CTL_OK)
                        code = c;
        }
        return code;
}
