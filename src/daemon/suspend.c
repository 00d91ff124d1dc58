/* SPDX-License-Identifier: Apache-2.0 */

/* Anybody on the bus can send a signal, so a signal is only a hint: after each one logind is asked for its properties.
 */

#include "daemon/suspend.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/bus-link.h"
#include "daemon/bus-util.h"
#include "util/file-util.h"
#include "util/log.h"
#include "util/names.h"

#define LOGIND_NAME "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER "org.freedesktop.login1.Manager"
#define CALL_TIMEOUT (2 * USEC_PER_SEC)
#define DELAY_DEFAULT (5 * USEC_PER_SEC) /* logind's default */
#define KILL_BEFORE USEC_PER_SEC

struct Suspend {
        sd_bus_slot *owner_match, *sleep_match, *inhibit, *asked;
        int fd;       /* while this descriptor is open, logind delays a sleep; -1: logind has granted no delay */
        usec_t delay; /* for how long logind delays a sleep at most */
        usec_t heard; /* CLOCK_BOOTTIME, when a signal last said that the machine is about to sleep */
        bool sleeping;
        bool again; /* a signal came while an answer was under way */
        bool complained;
};

static void ask(Daemon *d);

static void give_back(Suspend *s) {
        closep(&s->fd);
        s->fd = -1;
}

/* Calls a method of logind, but does not have the bus start logind where it does not run. The answer goes to f(). */
static int call(Daemon *d, sd_bus_slot **slot, const char *interface, const char *member, sd_bus_message_handler_t f,
                const char *a, const char *b, const char *c, const char *e) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        *slot = sd_bus_slot_unref(*slot);
        r = sd_bus_message_new_method_call(
                        bus_link_get(d->links.own), &m, LOGIND_NAME, LOGIND_PATH, interface, member);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = e ? sd_bus_message_append(m, "ssss", a, b, c, e) : sd_bus_message_append(m, "s", a);
        return r < 0 ? r : sd_bus_call_async(bus_link_get(d->links.own), slot, m, f, d, CALL_TIMEOUT);
}

/* ---- the delay ---- */

static bool is_absent(const sd_bus_error *error) {
        return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
               sd_bus_error_has_name(error, PID1_ERROR("NoSuchUnit")) ||
               sd_bus_error_has_name(error, PID1_ERROR("UnitMasked"));
}

static int on_inhibited(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        Suspend *s = d->suspend;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        int fd = -1, r;

        s->inhibit = sd_bus_slot_unref(s->inhibit);
        if (e) {
                if (!is_absent(e) && !s->complained)
                        log_warning("logind does not let us delay the machine's sleep: %s", strempty(e->message));
                s->complained = true;
                return 0;
        }
        r = sd_bus_message_read(m, "h", &fd); /* borrowed from the message, so it is duplicated */
        if (r >= 0)
                fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (r < 0 || fd < 0) {
                log_warning("cannot keep what logind sent to delay the machine's sleep");
                return 0;
        }
        give_back(s);
        s->fd = fd;
        s->complained = false;
        ask(d);
        return 0;
}

static void inhibit(Daemon *d) {
        if (d->suspend->fd < 0 && !d->suspend->inhibit && bus_link_get(d->links.own))
                (void) call(d, &d->suspend->inhibit, LOGIND_MANAGER, "Inhibit", on_inhibited, "sleep", "leased",
                                "Stopping leased units", "delay");
}

void suspend_ready(Daemon *d) {
        if (d->suspend->fd >= 0)
                log_info("leased units are stopped: the machine may sleep");
        give_back(d->suspend);
}

/* ---- what logind says ---- */

static void fall_asleep(Daemon *d) {
        Suspend *s = d->suspend;
        usec_t until = usec_add(s->heard ?: now_boottime(), usec_sub(s->delay, KILL_BEFORE));

        s->heard = 0;

        log_notice("the machine is about to sleep: stopping leased units and releasing their leases");
        s->sleeping = true;
        loop_event(d->loop, &(Event){ .kind = EVENT_SLEEP, .on = true, .span = usec_sub(until, now_boottime()) });
}

static void wake_up(Daemon *d) {
        log_notice("the machine is awake");
        d->suspend->sleeping = false;
        loop_event(d->loop, &(Event){ .kind = EVENT_SLEEP });
        inhibit(d);
}

static int read_properties(sd_bus_message *m, Suspend *s, bool *ret_preparing) {
        const char *name;
        uint64_t delay;
        int preparing = 0, r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r < 0)
                        return r;
                if (streq(name, "PreparingForSleep"))
                        r = sd_bus_message_read(m, "v", "b", &preparing);
                else if (streq(name, "InhibitDelayMaxUSec")) {
                        r = sd_bus_message_read(m, "v", "t", &delay);
                        if (r >= 0)
                                s->delay = delay;
                } else
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        *ret_preparing = preparing;
        return r;
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        Suspend *s = d->suspend;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        bool preparing = false, again = s->again;

        s->asked = sd_bus_slot_unref(s->asked);
        s->again = false;
        if (e ? is_absent(e) : read_properties(m, s, &preparing) >= 0) {
                if (preparing && !s->sleeping)
                        fall_asleep(d);
                else if (!preparing && s->sleeping)
                        wake_up(d);
        }
        if (again || (e && s->sleeping && sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY)))
                ask(d);
        return 0;
}

static void ask(Daemon *d) {
        if (d->suspend->asked)
                d->suspend->again = true;
        else if (bus_link_get(d->links.own))
                (void) call(d, &d->suspend->asked, "org.freedesktop.DBus.Properties", "GetAll", on_properties,
                                LOGIND_MANAGER, NULL, NULL, NULL);
}

static int on_sleep(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;

        if (!d->suspend->sleeping)
                d->suspend->heard = now_boottime();
        ask(d);
        return 0;
}

/* A new logind does not know of a delay that the one before has granted: so ask anew. */
static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        const char *name, *old, *new;

        if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0)
                return 0;
        if (!d->suspend->sleeping)
                give_back(d->suspend);
        if (!isempty(new))
                inhibit(d);
        ask(d);
        return 0;
}

/* ---- life ---- */

int suspend_attach(Daemon *d) {
        Suspend *s = d->suspend;
        int r;

        if (!s) {
                s = d->suspend = calloc(1, sizeof(Suspend));
                if (!s)
                        return -ENOMEM;
                s->fd = -1;
                s->delay = DELAY_DEFAULT;
        }
        if ((r = bus_follow_name(bus_link_get(d->links.own), &s->owner_match, LOGIND_NAME, on_owner, NULL, d)) < 0 ||
                        (r = sd_bus_match_signal_async(bus_link_get(d->links.own), &s->sleep_match, LOGIND_NAME,
                                         LOGIND_PATH, LOGIND_MANAGER, "PrepareForSleep", on_sleep, NULL, d)) < 0)
                return r;
        inhibit(d);
        ask(d);
        return 0;
}

void suspend_detach(Daemon *d) {
        Suspend *s = d->suspend;

        if (!s)
                return;
        s->owner_match = sd_bus_slot_unref(s->owner_match);
        s->sleep_match = sd_bus_slot_unref(s->sleep_match);
        s->inhibit = sd_bus_slot_unref(s->inhibit);
        s->asked = sd_bus_slot_unref(s->asked);
        s->again = false;
}

void suspend_free(Daemon *d) {
        if (!d->suspend)
                return;
        suspend_detach(d);
        give_back(d->suspend);
        free(d->suspend);
        d->suspend = NULL;
}
