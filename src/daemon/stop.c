/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/stop.h"

#include <errno.h>

#include "util/log.h"
#include "util/must.h"
#include "util/names.h"

#define ANSWER_WAIT (2 * USEC_PER_SEC)
#define EXTEND_EVERY (5 * USEC_PER_SEC)

static int arm(Daemon *d, usec_t after, sd_event_time_handler_t f) {
        d->stop.timer = sd_event_source_disable_unref(d->stop.timer);
        return sd_event_add_time(d->event, &d->stop.timer, CLOCK_BOOTTIME, usec_add(now_boottime(), after),
                        USEC_PER_MSEC, f, d);
}

static void leave(Daemon *d, const char *why) {
        log_info("leaving units and leases as they are (%s)", why);
        notify_state(d->notifier, "STOPPING=1");
        notify_status(d->notifier, "Leaving units as they are.");
        (void) sd_event_exit(d->event, 0);
}

/* A unit may take all of its TimeoutStopSec= to stop, and the TimeoutStopSec= of leased.service must not cut that
 * short: so PID 1 is asked for more time again and again. */
static int on_extend(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *d = userdata;

        notify_state(d->notifier, "EXTEND_TIMEOUT_USEC=30000000");
        (void) sd_event_source_set_time(source, usec_add(now_boottime(), EXTEND_EVERY));
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static void release_all(Daemon *d) {
        must(d->stop.asked && !d->stop.releasing);
        log_info("stopping units and releasing their leases");
        d->stop.releasing = true;
        notify_state(d->notifier, "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000");
        changed_note(d->changed);
        if (arm(d, EXTEND_EVERY, on_extend) < 0)
                log_warning("cannot ask for more time to stop");
        loop_event(d->loop, &(Event){ .kind = EVENT_SHUTDOWN, .on = d->stop.reboots });
}

static void on_reboot_job(int error, const char *text, void *userdata) {
        Daemon *d = userdata;

        d->stop.reboots = d->stop.reboots || (error >= 0 && streq(text, "start"));
}

/* Asks whether the machine reboots, and then f() why the service is to stop. PID 1 answers in this order. If the first
 * answer is missing, the machine counts as one that is not expected back. */
static int ask_why(Daemon *d, pid1_answer_t f) {
        static const char *const targets[] = { "reboot.target", "kexec.target", "soft-reboot.target" };

        for (size_t i = 0; i < ELEMENTSOF(targets); i++)
                (void) pid1_job_type(d->pid1, targets[i], on_reboot_job, d);
        return pid1_job_type(d->pid1, DAEMON_SERVICE, f, d);
}

static void on_job(int error, const char *text, void *userdata) {
        Daemon *d = userdata;

        if (!d->stop.asked || d->stop.releasing)
                return;
        d->stop.timer = sd_event_source_disable_unref(d->stop.timer);
        if (error < 0)
                leave(d, "PID 1 does not say why we are to stop");
        else if (streq(text, "stop"))
                release_all(d);
        else
                leave(d, isempty(text) ? "no stop job" : text);
}

static int on_no_answer(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *d = userdata;

        d->stop.asked = false;
        leave(d, "no answer from PID 1");
        return 0;
}

void stop_requested(Daemon *d) {
        int r;

        if (d->stop.asked)
                return;
        d->stop.asked = true;
        r = arm(d, ANSWER_WAIT, on_no_answer);
        if (r >= 0)
                r = ask_why(d, on_job);
        if (r < 0)
                leave(d, "PID 1 cannot be asked");
}

static void on_suspected_job(int error, const char *text, void *userdata) {
        Daemon *d = userdata;

        if (error < 0 || d->stop.asked)
                return;
        if (!streq(text, "stop")) {
                d->stop.reboots = false; /* what was told of may be cancelled until leased is to stop */
                return;
        }
        d->stop.asked = true;
        release_all(d);
}

/* At the machine's shutdown leased.service is stopped last, after the guard, which is stopped when all units that are
 * ordered after it are down: so the unit that takes longest would keep the leases of all the others here. Therefore
 * the leases are released as soon as PID 1 has a stop job for leased.service. PID 1 does not start leased again after
 * that, since this job waits. */
void stop_suspected(Daemon *d) {
        if (!d->stop.asked && d->pid1)
                (void) ask_why(d, on_suspected_job);
}

void stop_finished(Daemon *d) {
        d->stop.timer = sd_event_source_disable_unref(d->stop.timer);
        log_info("all leases are released, or run out by themselves");
        (void) sd_event_exit(d->event, 0);
}
