/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fence-command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "conf/ini.h"
#include "daemon/bus-util.h"
#include "util/log.h"
#include "util/strv.h"
#include "util/text.h"

enum {
        NAME_SHOWN = 4 * HOSTNAME_SIZE, /* a byte may be written as "\x1b" */
};

typedef struct Fence {
        char **command;
        usec_t timeout;
        char machine_id[12 + MACHINE_SIZE], hostname[10 + NAME_SHOWN], session[8 + SESSION_SIZE]; /* "NAME=VALUE" */
        char name[NAME_SHOWN]; /* the host name, as text that can be shown */
} Fence;

usec_t fence_command_after(const LeasedConf *conf) {
        return conf->fence_command ? conf->fence_after : 0;
}

/* What StartTransientUnit takes as properties. PID 1 would keep a unit that has failed. */
static int append_properties(sd_bus_message *m, void *userdata) {
        const Fence *f = userdata;
        int r;

        if ((r = sd_bus_message_open_container(m, 'a', "(sv)")) < 0 ||
                        (r = bus_append_description(m, "FenceCommand= of leased for %s", f->name)) < 0 ||
                        (r = sd_bus_message_append(m, "(sv)(sv)(sv)", "Type", "s", "oneshot", "CollectMode", "s",
                                         "inactive-or-failed", "TimeoutStartUSec", "t", (uint64_t) f->timeout)) < 0 ||
                        (r = sd_bus_message_append(m, "(sv)", "Environment", "as", 3, f->machine_id, f->hostname,
                                         f->session)) < 0 ||
                        (r = bus_append_exec(m, f->command)) < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static void on_ended(int error, const char *text, void *userdata) {
        Daemon *d = userdata;
        bool off = error == 0 && streq(text, "done");

        if (!off)
                log_error("FenceCommand= did not switch the machine off: %s", text);
        loop_event(d->loop, &(Event){ .kind = EVENT_FENCED, .on = off });
}

static int match(const MachineView *v, void *userdata) {
        Fence *f = userdata;

        if (!v->record || !streq(v->machine_id, f->machine_id + strlen("MACHINE_ID=")))
                return 0;
        (void) text_clean(f->name, sizeof(f->name), v->record->hostname);
        return 1;
}

void fence_command_begin(Daemon *d, const Action *action) {
        _cleanup_(strv_freep) char **command = NULL;
        Fence f = { .timeout = d->conf->fence_timeout };
        char unit[64];
        int r = ini_parse_words(strempty(d->conf->fence_command), &command);

        (void) snprintf(f.machine_id, sizeof(f.machine_id), "MACHINE_ID=%s", action->machine_id);
        (void) snprintf(f.session, sizeof(f.session), "SESSION=%s", action->session);
        (void) core_each_machine(d->core, loop_now(), match, &f);
        (void) snprintf(f.hostname, sizeof(f.hostname), "HOSTNAME=%s", f.name);
        (void) snprintf(unit, sizeof(unit), "leased-fence-%016" PRIx64 ".service", now_boottime());
        f.command = command;
        if (r >= 0)
                r = command && command[0] ? pid1_run(d->pid1, unit, usec_add(f.timeout, PID1_RUN_LATE),
                                                            append_properties, &f, on_ended, d)
                                          : -ENOENT;
        if (r >= 0)
                return;
        (void) log_error_errno(r, "FenceCommand= cannot be run");
        loop_event(d->loop, &(Event){ .kind = EVENT_FENCED });
}
