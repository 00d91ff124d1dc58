/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/bus.h"

#include <errno.h>
#include <unistd.h>

#include "conf/conf.h"
#include "ctl/message-json.h"
#include "util/suggest.h"

const BusName bus_leased = { LEASED_NAME, LEASED_PATH, LEASED_MANAGER };
const BusName bus_broker = { DBUS_NAME, DBUS_PATH, DBUS_NAME };
const BusName bus_pid1 = { PID1_NAME, PID1_PATH, PID1_MANAGER };

/* The connection of ctl, borrowed: when leased does not answer, bus_complain() asks PID 1 about leased.service. */
static sd_bus *connection;
static bool is_remote; /* the connection is to another machine, whose files cannot be read */

int bus_connect(Ctl *ctl) {
        int r = ctl->host ? sd_bus_open_system_remote(&ctl->bus, ctl->host) : sd_bus_open_system(&ctl->bus);

        if (r >= 0)
                r = sd_bus_set_allow_interactive_authorization(ctl->bus, true);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(ctl->bus, BUS_CALL_TIMEOUT);
        if (r < 0)
                return ctl_fail("cannot reach the system bus%s%s: %s", ctl->host ? " of " : "", strempty(ctl->host),
                                strerror(-r));
        connection = ctl->bus;
        is_remote = ctl->host;
        return CTL_OK;
}

/* ---- calls ---- */

int bus_send(sd_bus *bus, sd_bus_message *m, json_t **ret, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_call(bus, m, BUS_CALL_TIMEOUT, error, &reply);

        if (r < 0 || !ret)
                return r;
        return message_json_body(reply, ret);
}

int bus_call(sd_bus *bus, const BusName *on, const char *method, json_t **ret, sd_bus_error *error, const char *types,
                ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list ap;
        int r = sd_bus_message_new_method_call(bus, &m, on->name, on->path, on->interface, method);

        if (r < 0)
                return r;
        if (types) {
                va_start(ap, types);
                r = sd_bus_message_appendv(m, types, ap);
                va_end(ap);
                if (r < 0)
                        return r;
        }
        return bus_send(bus, m, ret, error);
}

/* Gives the only argument of an answer. */
static int take_first(json_t *answer, json_t **ret) {
        json_t *first = json_array_get(answer, 0);

        if (!first)
                return -EBADMSG;
        *ret = json_incref(first);
        return 0;
}

int bus_get_all(sd_bus *bus, const char *name, const char *path, const char *interface, json_t **ret,
                sd_bus_error *error) {
        const BusName on = { name, path, DBUS_PROPERTIES };
        json_auto_t *answer = NULL;
        int r = bus_call(bus, &on, "GetAll", &answer, error, "s", interface);

        return r < 0 ? r : take_first(answer, ret);
}

int bus_get_objects(sd_bus *bus, json_t **ret, sd_bus_error *error) {
        static const BusName on = { LEASED_NAME, LEASED_PATH, DBUS_NAME ".ObjectManager" };
        json_auto_t *answer = NULL;
        int r = bus_call(bus, &on, "GetManagedObjects", &answer, error, NULL);

        return r < 0 ? r : take_first(answer, ret);
}

int bus_get_manager(sd_bus *bus, json_t **ret, sd_bus_error *error) {
        return bus_get_all(bus, LEASED_NAME, LEASED_PATH, LEASED_MANAGER, ret, error);
}

int bus_get_unit(sd_bus *bus, const char *unit, json_t **ret, sd_bus_error *error) {
        json_auto_t *path = NULL;
        int r = bus_call(bus, &bus_leased, "GetUnit", &path, error, "s", unit);

        return r < 0 ? r : bus_get_all(bus, LEASED_NAME, string_at(path, 0), LEASED_UNIT, ret, error);
}

int bus_get_lease(sd_bus *bus, const char *path, json_t **ret, sd_bus_error *error) {
        return bus_get_all(bus, LEASED_NAME, path, LEASED_LEASE, ret, error);
}

int bus_load_unit(sd_bus *bus, const char *unit, const char *interface, json_t **ret, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        int r = sd_bus_path_encode(PID1_UNIT_PATH, unit, &path);

        return r < 0 ? r : bus_get_all(bus, PID1_NAME, path, interface, ret, error);
}

int bus_leased_runs(sd_bus *bus) {
        json_auto_t *answer = NULL;
        int r = bus_call(bus, &bus_broker, "NameHasOwner", &answer, NULL, "s", LEASED_NAME);

        return r < 0 ? r : json_is_true(json_array_get(answer, 0));
}

int bus_reload_leased(sd_bus *bus, sd_bus_error *error, bool *ret_bad_lines) {
        int r = bus_call(bus, &bus_leased, "Reload", NULL, error, NULL);
        bool bad = r < 0 && sd_bus_error_has_name(error, SD_BUS_ERROR_INVALID_ARGS);
        char *save = NULL, *copy = bad ? strdup(strempty(error->message)) : NULL;

        for (char *line = copy ? strtok_r(copy, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
                complain("%s", line);
        free(copy);
        *ret_bad_lines = bad;
        return bad ? 0 : r;
}

void bus_withdraw(sd_bus *bus) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        if (sd_bus_message_new_method_call(
                            bus, &m, bus_leased.name, bus_leased.path, bus_leased.interface, "Withdraw") >= 0 &&
                        sd_bus_message_set_expect_reply(m, false) >= 0)
                (void) sd_bus_send(bus, m, NULL);
}

/* ---- waiting ---- */

static json_t *heard;   /* {path: true} for each signal that came; NULL: nobody has asked yet */
static json_t *removed; /* likewise for each object that is said to be gone */

/* Notes what a signal was about. The signal ends bus_wait(), too. */
static int changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *member = strempty(sd_bus_message_get_member(m)), *path = sd_bus_message_get_path(m);

        if ((streq(member, "InterfacesAdded") || streq(member, "InterfacesRemoved")) &&
                        sd_bus_message_read(m, "o", &path) < 0)
                return 0;
        if (streq(member, "NameOwnerChanged"))
                path = LEASED_NAME;
        (void) json_object_set_new(heard, strempty(path), json_true());
        if (streq(member, "InterfacesRemoved"))
                (void) json_object_set_new(removed, strempty(path), json_true());
        return 0;
}

bool bus_heard(const char *path) {
        if (!heard) {
                heard = json_object();
                removed = json_object();
        }
        return json_object_del(heard, path) == 0;
}

bool bus_heard_removed(const char *path) {
        return json_object_del(removed, path) == 0;
}

int bus_watch_leased(sd_bus *bus) {
        int r = sd_bus_add_match(bus, NULL, "type='signal',sender='" LEASED_NAME "'", changed, NULL);

        if (r >= 0)
                r = sd_bus_add_match(bus, NULL,
                                "type='signal',sender='" DBUS_NAME "',member='NameOwnerChanged',arg0="
                                "'" LEASED_NAME "'",
                                changed, NULL);
        return r < 0 ? r : 0;
}

int bus_wait(sd_bus *bus, usec_t timeout) {
        int r = sd_bus_process(bus, NULL);

        if (r == 0)
                r = sd_bus_wait(bus, timeout);
        if (r == -EINTR) /* a signal that is caught: whoever catches it looks */
                return 0;
        while (r > 0)
                r = sd_bus_process(bus, NULL);
        return r;
}

/* ---- what went wrong ---- */

/* Enabled as well, for the package enables nothing: leased would be gone after the next boot. */
#define START_IT "systemctl enable --now leased"
#define NOT_RUNNING "leased is not running here: " START_IT
#define NOT_SET_UP                                                                                                    \
        "not set up yet: leasectl setup NAME=ADDRESS..., or name the registry in leased.conf, then: " START_IT

bool bus_service_fails(sd_bus *bus, const char *service) {
        json_auto_t *unit = NULL;
        const char *state;

        if (!bus || bus_load_unit(bus, service, PID1_UNIT, &unit, NULL) < 0)
                return false;
        state = get_string(unit, "ActiveState");
        return streq(state, "failed") ||
               (streq(state, "activating") && streq(get_string(unit, "SubState"), "auto-restart"));
}

/* Whether leased was never started here and no file names its registry. If it were started now, this machine would
 * remember leases of a registry of its own, and would not accept the shared one afterwards. */
static bool is_not_set_up(void) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages m = {};

        if (is_remote || access(STATE_DIRECTORY, F_OK) == 0 || errno != ENOENT)
                return false;
        return leased_conf_load("", &conf, &m) >= 0 && !conf->registry_where;
}

static const struct {
        const char *name;
        int code;
        const char *text; /* NULL: the other side's own message */
} errors[] = {
        { SD_BUS_ERROR_SERVICE_UNKNOWN, CTL_NOT_RUNNING, NOT_RUNNING },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, CTL_NOT_RUNNING, NOT_RUNNING },
        { SD_BUS_ERROR_NO_REPLY, CTL_FAILED, "no answer, look at: systemctl status leased" },
        { SD_BUS_ERROR_TIMEOUT, CTL_FAILED, "no answer, look at: systemctl status leased" },
        { SD_BUS_ERROR_ACCESS_DENIED, CTL_FAILED, "not allowed, do it as root" },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, CTL_FAILED, "not allowed, do it as root" },
        { LEASED_ERROR("NoSuchUnit"), CTL_NO_SUCH_UNIT, NULL },
        { LEASED_ERROR("NotHolder"), CTL_NOT_HELD, "nobody holds its lease now, see: leasectl" },
        { LEASED_ERROR("OutcomeUnknown"), CTL_UNKNOWN, NULL },
        { LEASED_ERROR("Withdrawn"), CTL_FAILED, "taken back, and nothing has begun" },
        { LEASED_ERROR("NoSuchLease"), CTL_NOT_HELD, NULL }, /* where no name was typed */
        { LEASED_ERROR("LeaseLost"), CTL_NOT_HELD, NULL },
};

/* Prints what is not so, with the name that may have been meant, of those that the method of leased lists; or with
 * what else to do. */
static void complain_near(const char *typed, const char *method, const char *text, const char *otherwise) {
        json_auto_t *answer = NULL;
        Suggestion near = suggest_begin(typed);
        json_t *row;
        size_t i;

        if (connection)
                (void) bus_call(connection, &bus_leased, method, &answer, NULL, NULL);
        json_array_foreach(json_array_get(answer, 0), i, row)
                suggest_consider(&near, string_at(row, 0));
        if (near.best)
                complain("%s: %s, did you mean '%s'?", typed, text, near.best);
        else
                complain("%s: %s, see: %s", typed, text, otherwise);
}

int bus_complain(const char *what, int r, const sd_bus_error *error) {
        const char *text = error && sd_bus_error_is_set(error) ? error->message : NULL;
        int code = CTL_FAILED;

        if (what && error && sd_bus_error_has_name(error, LEASED_ERROR("NoSuchUnit"))) {
                complain_near(what, "ListUnits", "not enabled on this machine", "leasectl");
                return CTL_NO_SUCH_UNIT;
        }
        /* The same error also says that a lease is not remembered, which is no matter of its name. */
        if (what && text && sd_bus_error_has_name(error, LEASED_ERROR("NoSuchLease")) &&
                        startswith(text, "Nobody has ever held ")) {
                complain_near(what, "ListLeases", "nobody has ever held such a lease", "leasectl list --all");
                return CTL_NOT_HELD;
        }
        for (size_t i = 0; error && error->name && i < ELEMENTSOF(errors); i++)
                if (streq(error->name, errors[i].name)) {
                        code = errors[i].code;
                        text = errors[i].text ?: text;
                }
        if (code == CTL_NOT_RUNNING && bus_service_fails(connection, DAEMON_SERVICE))
                text = "leased cannot start here, look at: journalctl -u leased";
        else if (code == CTL_NOT_RUNNING && is_not_set_up())
                text = NOT_SET_UP;
        if (r == -ETIMEDOUT && !text)
                text = "no answer in time";
        if (r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE)
                text = "the connection to the system bus has ended";
        complain("%s%s%s", strempty(what), what ? ": " : "", text ?: strerror(abs(r)));
        return code;
}
