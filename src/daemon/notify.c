/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/notify.h"

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "util/file-util.h"
#include "util/log.h"
#include "util/notify.h"
#include "util/text.h"
#include "util/time-util.h"

#define RETRY (50 * USEC_PER_MSEC)

struct Notifier {
        int fd; /* -1: there is no socket */
        sd_event_source *retry, *watchdog;
        usec_t watchdog_usec;
        bool alive;        /* WATCHDOG=1 waits to be sent */
        char state[256];   /* lines that wait to be sent */
        char status[1024]; /* a status that waits to be sent; a newer one takes its place */
};

/* false: there is no room in the socket now, so try again. After any other failure the text is dropped, since it would
 * only fail again. */
static bool send_text(Notifier *n, const char *text) {
        int r = notify_send(n->fd, text);

        return r != -EAGAIN && r != -EINTR && r != -ENOBUFS;
}

static void flush(Notifier *n) {
        bool sent = true;

        if (n->fd < 0)
                return;
        if (sent && n->state[0] && (sent = send_text(n, n->state)))
                n->state[0] = '\0';
        if (sent && n->alive && (sent = send_text(n, "WATCHDOG=1")))
                n->alive = false;
        if (sent && n->status[0] && (sent = send_text(n, n->status)))
                n->status[0] = '\0';
        if (!sent && (sd_event_source_set_time(n->retry, usec_add(now_boottime(), RETRY)) < 0 ||
                                     sd_event_source_set_enabled(n->retry, SD_EVENT_ONESHOT) < 0))
                log_warning("cannot arm the timer for notifications");
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        flush(userdata);
        return 0;
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata) {
        Notifier *n = userdata;

        n->alive = true;
        flush(n);
        (void) sd_event_source_set_time(source, usec_add(now_boottime(), n->watchdog_usec / 4));
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

void notify_state(Notifier *n, const char *text) {
        size_t used = strlen(n->state);

        /* PID 1 has read nothing for long. A line that was cut would say something else. */
        if (used + strlen(text) + sizeof("\n") > sizeof(n->state))
                used = 0;
        (void) snprintf(n->state + used, sizeof(n->state) - used, "%s%s", used > 0 ? "\n" : "", text);
        flush(n);
}

/* The text may have been written by others: a line break in it would begin another assignment. */
void notify_status(Notifier *n, const char *text) {
        static const char key[] = "STATUS=";

        memcpy(n->status, key, sizeof(key));
        (void) text_clean(n->status + sizeof(key) - 1, sizeof(n->status) - sizeof(key), text);
        flush(n);
}

int notifier_new(sd_event *event, Notifier **ret) {
        Notifier *n = calloc(1, sizeof(Notifier));
        uint64_t watchdog = 0;
        int r;

        if (!n)
                return -ENOMEM;
        n->fd = notify_open();
        r = sd_event_add_time(event, &n->retry, CLOCK_BOOTTIME, USEC_INFINITY, USEC_PER_MSEC, on_retry, n);
        if (r >= 0 && n->fd >= 0 && sd_watchdog_enabled(false, &watchdog) > 0) {
                n->watchdog_usec = watchdog;
                r = sd_event_add_time(event, &n->watchdog, CLOCK_BOOTTIME, 0, watchdog / 20, on_watchdog, n);
        }
        if (r < 0) {
                notifier_free(n);
                return r;
        }
        *ret = n;
        return 0;
}

Notifier *notifier_free(Notifier *n) {
        if (!n)
                return NULL;
        sd_event_source_disable_unref(n->retry);
        sd_event_source_disable_unref(n->watchdog);
        closep(&n->fd);
        free(n);
        return NULL;
}
