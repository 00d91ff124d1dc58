/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A logind that puts no machine to sleep: it keeps inhibitors, says PrepareForSleep, and notes what became of the
 * delay.
 *
 *     logind-stub FILE DELAY-IN-SECONDS
 *
 * SIGUSR1: the machine is about to sleep. When the last inhibitor is closed "released SECONDS" is written to FILE, the
 * time since the signal; when the delay is over before that, "overdue". SIGUSR2: the machine is awake again.
 * "inhibited" is written whenever somebody has asked for a delay.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Stub {
        sd_bus *bus;
        sd_event *event;
        sd_event_source *overdue;
        const char *file;
        usec_t delay, since; /* since: the machine is about to sleep; 0: it is not */
        unsigned inhibitors;
} Stub;

static void note(const Stub *s, const char *what) {
        FILE *f = fopen(s->file, "a");

        if (!f)
                exit(EXIT_FAILURE);
        (void) fprintf(f, "%s %.3f\n", what, s->since ? (double) (now_boottime() - s->since) / 1e6 : 0.0);
        (void) fclose(f);
}

static int on_closed(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Stub *s = userdata;

        (void) sd_event_source_disable_unref(source);
        (void) close(fd);
        if (--s->inhibitors == 0 && s->since) {
                note(s, "released");
                s->overdue = sd_event_source_disable_unref(s->overdue);
        }
        return 0;
}

static int on_inhibit(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Stub *s = userdata;
        const char *what, *who, *why, *mode;
        sd_event_source *source = NULL;
        int fds[2], r;

        r = sd_bus_message_read(m, "ssss", &what, &who, &why, &mode);
        if (r < 0)
                return r;
        if (!streq(what, "sleep") || !streq(mode, "delay"))
                return -EINVAL;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        r = sd_event_add_io(
                        s->event, &source, fds[0], 0, on_closed, s); /* that the other end is closed is told anyway */
        if (r >= 0)
                r = sd_bus_reply_method_return(m, "h", fds[1]);
        (void) close(fds[1]);
        s->inhibitors++;
        note(s, "inhibited");
        return r;
}

static int get_delay(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "t", ((Stub *) userdata)->delay);
}

static int get_preparing(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "b", ((Stub *) userdata)->since > 0);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Inhibit", "ssss", "h", on_inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("InhibitDelayMaxUSec", "t", get_delay, 0, 0),
        SD_BUS_PROPERTY("PreparingForSleep", "b", get_preparing, 0, 0),
        SD_BUS_SIGNAL("PrepareForSleep", "b", 0),
        SD_BUS_VTABLE_END,
};

static int say(Stub *s, bool sleep) {
        return sd_bus_emit_signal(s->bus, "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
                        "PrepareForSleep", "b", (int) sleep);
}

static int on_overdue(sd_event_source *source, uint64_t usec, void *userdata) {
        note(userdata, "overdue");
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Stub *s = userdata;

        s->since = info->ssi_signo == SIGUSR1 ? now_boottime() : 0;
        s->overdue = sd_event_source_disable_unref(s->overdue);
        if (s->since)
                (void) sd_event_add_time(s->event, &s->overdue, CLOCK_BOOTTIME, s->since + s->delay, 1, on_overdue, s);
        return say(s, s->since > 0);
}

int main(int argc, char **argv) {
        Stub s = {};
        sigset_t mask;
        int r;

        if (argc != 3)
                return EXIT_FAILURE;
        s.file = argv[1];
        s.delay = (usec_t) atoi(argv[2]) * USEC_PER_SEC;
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGUSR1);
        (void) sigaddset(&mask, SIGUSR2);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        if ((r = sd_event_default(&s.event)) < 0 ||
                        (r = sd_event_add_signal(s.event, NULL, SIGUSR1, on_signal, &s)) < 0 ||
                        (r = sd_event_add_signal(s.event, NULL, SIGUSR2, on_signal, &s)) < 0 ||
                        (r = sd_bus_open_system(&s.bus)) < 0 ||
                        (r = sd_bus_add_object_vtable(s.bus, NULL, "/org/freedesktop/login1",
                                         "org.freedesktop.login1.Manager", vtable, &s)) < 0 ||
                        (r = sd_bus_request_name(s.bus, "org.freedesktop.login1", 0)) < 0 ||
                        (r = sd_bus_attach_event(s.bus, s.event, 0)) < 0 || (r = sd_event_loop(s.event)) < 0) {
                fprintf(stderr, "logind-stub: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
