/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* PID 1 runs all generators before it answers a Reload. */
#define CALL_TIMEOUT (90 * USEC_PER_SEC)

const BusName bus_leased = { LEASED_NAME, LEASED_PATH, LEASED_MANAGER };
const BusName bus_broker = { DBUS_NAME, DBUS_PATH, DBUS_NAME };
const BusName bus_pid1 = { PID1_NAME, PID1_PATH, PID1_MANAGER };

/* For one more question when leased does not answer; borrowed from ctl. */
static sd_bus *connection;

int ctl_connect(Ctl *ctl) {
        int r = ctl->host ? sd_bus_open_system_remote(&ctl->bus, ctl->host) : sd_bus_open_system(&ctl->bus);

        if (r >= 0)
                r = sd_bus_set_allow_interactive_authorization(ctl->bus, true);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(ctl->bus, CALL_TIMEOUT);
        if (r < 0) {
                complain("cannot reach the system bus%s%s: %s", ctl->host ? " of " : "", strempty(ctl->host),
                                strerror(-r));
                return CTL_FAILED;
        }
        connection = ctl->bus;
        return CTL_OK;
}

/* ---- messages to JSON ---- */

static int value_read(sd_bus_message *m, json_t **ret);

static int bytes_read(sd_bus_message *m, json_t **ret) {
        const uint8_t *bytes;
        size_t n;
        int r = sd_bus_message_read_array(m, 'y', (const void **) &bytes, &n);

        if (r < 0)
                return r;

        _cleanup_free_ char *hex = calloc(1, 2 * n + 1);
        if (!hex)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                (void) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
        *ret = json_string(hex);
        return *ret ? 0 : -ENOMEM;
}

/* A key of a dictionary, which may be any basic type, as text. */
static int key_read(sd_bus_message *m, char **ret) {
        json_auto_t *key = NULL;
        int r = value_read(m, &key);

        if (r < 0)
                return r;
        *ret = json_is_string(key) ? strdup(json_string_value(key)) : json_dumps(key, JSON_ENCODE_ANY);
        return *ret ? 0 : -ENOMEM;
}

static int dictionary_read(sd_bus_message *m, const char *contents, json_t **ret) {
        json_auto_t *object = json_object();
        int r = sd_bus_message_enter_container(m, 'a', contents);

        if (!object)
                return -ENOMEM;
        if (r < 0)
                return r;
        for (;;) {
                _cleanup_free_ char *key = NULL, *entry = strndup(contents + 1, strlen(contents) - 2);
                json_t *value = NULL;

                if (!entry)
                        return -ENOMEM;
                r = sd_bus_message_enter_container(m, 'e', entry);
                if (r <= 0)
                        break;
                r = key_read(m, &key);
                if (r >= 0)
                        r = value_read(m, &value);
                if (r >= 0 && json_object_set_new(object, key, value) < 0)
                        r = -ENOMEM;
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                *ret = TAKE_PTR(object);
        return r;
}

/* The elements of the container that has just been entered, or of the whole message. */
static int elements_read(sd_bus_message *m, json_t **ret) {
        json_auto_t *array = json_array();
        int r;

        if (!array)
                return -ENOMEM;
        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                json_t *value = NULL;

                r = value_read(m, &value);
                if (r >= 0 && json_array_append_new(array, value) < 0)
                        r = -ENOMEM;
                if (r < 0)
                        return r;
        }
        if (r > 0)
                *ret = TAKE_PTR(array);
        return r;
}

static int container_read(sd_bus_message *m, char type, const char *contents, json_t **ret) {
        int r;

        if (type == 'a' && contents[0] == '{')
                return dictionary_read(m, contents, ret);
        if (type == 'a' && streq(contents, "y"))
                return bytes_read(m, ret);
        r = sd_bus_message_enter_container(m, type, contents);
        if (r >= 0)
                r = type == 'v' ? value_read(m, ret) : elements_read(m, ret);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int basic_read(sd_bus_message *m, char type, json_t **ret) {
        union {
                uint8_t y;
                int b, i, h;
                int16_t n;
                uint16_t q;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                const char *s;
        } v;
        int r = sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;
        switch (type) {
        case 's':
        case 'o':
        case 'g':
                *ret = json_string(v.s);
                break;
        case 'b':
                *ret = json_boolean(v.b);
                break;
        case 'y':
                *ret = json_integer(v.y);
                break;
        case 'n':
                *ret = json_integer(v.n);
                break;
        case 'q':
                *ret = json_integer(v.q);
                break;
        case 'i':
        case 'h':
                *ret = json_integer(v.i);
                break;
        case 'u':
                *ret = json_integer(v.u);
                break;
        case 'x':
                *ret = json_integer(v.x);
                break;
        case 't':
                *ret = v.t == UINT64_MAX ? json_null() : json_integer((json_int_t) v.t);
                break;
        case 'd':
                *ret = json_real(v.d);
                break;
        default:
                return -EBADMSG;
        }
        return *ret ? 0 : -ENOMEM;
}

static int value_read(sd_bus_message *m, json_t **ret) {
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        return strchr("avr", type) ? container_read(m, type, contents, ret) : basic_read(m, type, ret);
}

/* ---- calls ---- */

int bus_message_body(sd_bus_message *m, json_t **ret) {
        int r = elements_read(m, ret);

        return r < 0 ? r : 0;
}

static int call(sd_bus *bus, sd_bus_message *m, json_t **ret, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_call(bus, m, CALL_TIMEOUT, error, &reply);

        if (r < 0 || !ret)
                return r;
        r = elements_read(reply, ret);
        return r < 0 ? r : 0;
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
        return call(bus, m, ret, error);
}

/* The only argument of an answer. */
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

/* Asks for the path of an object, and then for its properties. */
static int get_all_of(sd_bus *bus, const BusName *on, const char *method, const char *unit, const char *interface,
                json_t **ret, sd_bus_error *error) {
        json_auto_t *path = NULL;
        int r = bus_call(bus, on, method, &path, error, "s", unit);

        return r < 0 ? r : bus_get_all(bus, on->name, string_at(path, 0), interface, ret, error);
}

int bus_get_manager(sd_bus *bus, json_t **ret, sd_bus_error *error) {
        return bus_get_all(bus, LEASED_NAME, LEASED_PATH, LEASED_MANAGER, ret, error);
}

int bus_get_unit(sd_bus *bus, const char *unit, json_t **ret, sd_bus_error *error) {
        return get_all_of(bus, &bus_leased, "GetUnit", unit, LEASED_UNIT, ret, error);
}

int bus_get_lease(sd_bus *bus, const char *path, json_t **ret, sd_bus_error *error) {
        return bus_get_all(bus, LEASED_NAME, path, LEASED_LEASE, ret, error);
}

int bus_load_unit(sd_bus *bus, const char *unit, const char *interface, json_t **ret, sd_bus_error *error) {
        return get_all_of(bus, &bus_pid1, "LoadUnit", unit, interface, ret, error);
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

/* ---- waiting ---- */

static int changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return 0; /* that something came is all we want to know */
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
        while (r > 0)
                r = sd_bus_process(bus, NULL);
        return r;
}

/* ---- what went wrong ---- */

#define NOT_RUNNING "leased is not running here: systemctl start leased"

/* Whether systemd tries in vain to start leased. */
static bool leased_fails(void) {
        json_auto_t *unit = NULL;
        const char *state;

        if (!connection || bus_load_unit(connection, DAEMON_SERVICE, PID1_UNIT, &unit, NULL) < 0)
                return false;
        state = get_string(unit, "ActiveState");
        return streq(state, "failed") ||
               (streq(state, "activating") && streq(get_string(unit, "SubState"), "auto-restart"));
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
        { LEASED_ERROR("NoSuchUnit"), CTL_NO_SUCH_UNIT, "not enabled on this machine, see: leasectl list" },
        { LEASED_ERROR("NotHolder"), CTL_NOT_HELD, "this machine does not hold its lease, see: leasectl list" },
        { LEASED_ERROR("NoSuchLease"), CTL_NOT_HELD, NULL },
        { LEASED_ERROR("LeaseLost"), CTL_NOT_HELD, NULL },
};

int bus_complain(const char *what, int r, const sd_bus_error *error) {
        const char *text = error && sd_bus_error_is_set(error) ? error->message : NULL;
        int code = CTL_FAILED;

        for (size_t i = 0; error && error->name && i < ELEMENTSOF(errors); i++)
                if (streq(error->name, errors[i].name)) {
                        code = errors[i].code;
                        text = errors[i].text ?: text;
                }
        if (code == CTL_NOT_RUNNING && leased_fails())
                text = "leased cannot start here, look at: journalctl -u leased";
        if (r == -ETIMEDOUT && !text)
                text = "no answer in time";
        if (r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE)
                text = "the connection to the system bus has ended";
        complain("%s%s%s", strempty(what), what ? ": " : "", text ?: strerror(abs(r)));
        return code;
}
