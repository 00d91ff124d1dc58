/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/options.h"
#include "ctl/weakness.h"

#include <sched.h>
#include <stdio.h>

#include "ctl/brought.h"
#include "ctl/effects.h"
#include "ctl/finding.h"
#include "ctl/files.h"
#include "ctl/guard-settings.h"
#include "ctl/members.h"
#include "ctl/ordering.h"
#include "ctl/outside.h"
#include "ctl/pid1.h"
#include "ctl/registry.h"
#include "ctl/settings.h"
#include "ctl/token.h"
#include "util/file-util.h"
#include "util/host-clock.h"
#include "util/shell-word.h"
#include "util/strv.h"
#include "util/text.h"

#define RESTART_TAKES (900 * USEC_PER_MSEC)

/* ---- the unit ---- */

/* Whether this machine is rebooted if the unit is not down in time. An effect that is no process is gone then, too.
 */
static bool is_fenced(const char *name) {
        const UnitOptions *options = options_peek(name);

        return options && options->fence_by_reboot;
}

/* Adds the findings on a service. The argument with is "", or says which member of the unit is meant. */
static void look_at_service(const char *with, bool fenced, const json_t *service, json_t *findings) {
        const char *kill = get_string(service, "KillMode");

        if (get_boolean(service, "RemainAfterExit") && json_array_size(json_object_get(service, "ExecStop")) > 0)
                finding_add(findings, fenced ? "note" : "weak",
                                "%sRemainAfterExit=yes: what it sets up is no process and cannot be killed; all rests "
                                "on its ExecStop= being done in time%s",
                                with, fenced ? ", or this machine is rebooted" : " (or on FenceAction=reboot)");
        else if (get_boolean(service, "RemainAfterExit"))
                finding_add(findings, "weak",
                                "%sRemainAfterExit=yes without ExecStop=: what it sets up stays when the lease passes "
                                "on",
                                with);
        if (streq(kill, "process") || streq(kill, "none"))
                finding_add(findings, "weak",
                                "%sKillMode=%s: a stop leaves processes behind, which are killed before the lease is "
                                "given back",
                                with, kill);
        if (json_is_false(json_object_get(service, "SendSIGKILL")))
                finding_add(findings, "note", "%sSendSIGKILL=no: leased kills it all the same when its time is up",
                                with);
        effects_examine(with, fenced, service, findings);
}

/* Adds the findings on a mount or automount. The argument with is "", or says which member of the unit is meant. */
static void look_at_mount(const char *with, const char *name, bool fenced, json_t *findings) {
        if (endswith(name, ".automount"))
                finding_add(findings, "weak",
                                "%sits end detaches what is mounted there, even if it is busy: who has a file of it "
                                "open goes on using it when the lease has passed on; a .mount waits instead",
                                with);
        else if (endswith(name, ".mount"))
                finding_add(findings, fenced ? "note" : "weak",
                                "%sa mount is no process and cannot be killed: what is busy, or waits for its "
                                "server, is still mounted when its time is over%s",
                                with, fenced ? ", and this machine is rebooted then" : " (unless FenceAction=reboot)");
}

/* Whether the unit or one of its members is the automount of a mount, and detaches it when it ends. */
static bool has_automount(const char *unit, char *const *members, const char *mount) {
        _cleanup_free_ char *automount =
                        text_format("%.*s.automount", (int) (strlen(mount) - strlen(".mount")), mount);

        return automount && (streq(unit, automount) || strv_contains(members, automount));
}

/* Notes other units that lie in the slice. Scopes in it are not noted, since the unit has made them. */
static int look_at_slice(Ctl *ctl, const char *name, const char *slice, json_t *findings) {
        json_auto_t *properties = NULL;
        json_t *value;
        size_t i;
        int code = members_load(ctl, slice, &properties);

        json_array_foreach(json_object_get(properties, "RequiredBy"), i, value) {
                const char *each = strempty(json_string_value(value));

                if (!streq(each, name) && !endswith(each, ".scope"))
                        finding_add(findings, "note", "%s lies in %s, and is stopped and killed with it", each, slice);
        }
        return code;
}

/* Looks at one member. Of a template, an instance that is never started is looked at. */
static int look_at_member(Ctl *ctl, const char *name, const char *member, bool fenced, json_t *findings) {
        json_auto_t *properties = NULL;
        int code = members_load(ctl, member, &properties);
        char with[300];

        if (code != CTL_OK)
                return code;
        (void) snprintf(with, sizeof(with), "brings %s, which ", member);
        settings_weaken(with, properties, false, files_gated, findings);
        (void) snprintf(with, sizeof(with), "%s has ", member);
        if (endswith(member, ".service")) {
                look_at_service(with, fenced, properties, findings);
                token_examine(with, member, name, properties, findings);
        } else if (endswith(member, ".socket"))
                effects_examine(with, fenced, properties, findings);
        return endswith(member, ".slice") ? look_at_slice(ctl, name, member, findings) : CTL_OK;
}

/* Looks at the members of the unit, and at what its start brings along. */
static int look_at_covered(Ctl *ctl, const char *name, bool fenced, const json_t *unit, json_t *findings) {
        _cleanup_(strv_freep) char **members = NULL;
        int code = members_find(ctl, name, unit, &members);

        for (char **m = members; code == CTL_OK && m && *m; m++) {
                char with[300];

                finding_add(findings, "note", "%s goes by its lease, too", *m);
                code = look_at_member(ctl, name, *m, fenced, findings);
                (void) snprintf(with, sizeof(with), "brings %s: ", *m);
                if (!endswith(*m, ".mount") || !has_automount(name, members, *m))
                        look_at_mount(with, *m, fenced, findings);
        }
        return code == CTL_OK ? brought_examine(ctl, name, unit, members, findings) : code;
}

static bool look_at_list(const char *name, json_t *findings) {
        if (files_listed(name))
                return true;
        finding_add(findings, "note", "is not enabled on this machine: leasectl enable %s", SHELL_WORD(name));
        return false;
}

static void look_at_gate(const char *name, const json_t *unit, json_t *findings) {
        char trouble[PID1_TROUBLE_SIZE];

        if (look_at_list(name, findings) && !pid1_gate_loaded(unit, name, name))
                finding_add(findings, "refused", "is enabled, but its gate is not in force: %s",
                                pid1_gate_trouble(unit, name, name, trouble, sizeof(trouble)));
}

/* ---- the machine ---- */

static void look_at_pid1(const json_t *pid1, usec_t ttl, json_t *findings) {
        usec_t watchdog = (usec_t) get_integer(pid1, "RuntimeWatchdogUSec");
        char a[32], b[32];

        if (watchdog == 0)
                finding_add(findings, "weak",
                                "no RuntimeWatchdogSec= in /etc/systemd/system.conf: a hung kernel is not reset, and "
                                "could wake up "
                                "with the unit still running");
        else if (watchdog > ttl)
                finding_add(findings, "weak",
                                "RuntimeWatchdogSec=%s is longer than TTL=%s: a hung kernel is reset only after that",
                                format_span(a, sizeof(a), watchdog), format_span(b, sizeof(b), ttl));
}

/* Adds by which clock the guard sees that this machine was paused, or that no clock shows it (law 14). */
static void look_at_host_clock(json_t *findings) {
        HostClock clock;

        if (!host_clock_may_be_paused())
                return;
        host_clock_open("", &clock);
        if (clock.kind == HOST_CLOCK_NONE)
                finding_add(findings, "weak",
                                "this virtual machine has no clock of its host: after a pause it goes on with the "
                                "rest of its lease");
        else
                finding_add(findings, "note", "a pause of this virtual machine is seen by %s",
                                host_clock_name(clock.kind));
        host_clock_close(&clock);
}

/* Whether the guard has realtime priority and locked memory, so that it waits neither for the processor nor for a page
 * from the disk. Also true if the guard does not run or cannot be looked at. */
static bool guard_is_hardened(pid_t pid) {
        _cleanup_free_ char *path = NULL, *status = NULL;
        const char *locked;

        if (pid <= 0 || asprintf(&path, "/proc/%d/status", (int) pid) < 0 || read_file(path, 65536, &status, NULL) < 0)
                return true;
        locked = strstr(status, "\nVmLck:");
        return (sched_getscheduler(pid) & ~SCHED_RESET_ON_FORK) == SCHED_RR && locked &&
               strtoull(locked + strlen("\nVmLck:"), NULL, 10) > 0;
}

/* Adds what is missing, or worth knowing, for a TTL below 2 s (docs/laws.md). Returns an exit code. */
static int look_at_short_ttl(Ctl *ctl, const LeasedConf *conf, json_t *findings) {
        json_auto_t *guard = NULL;
        int code = conf->ttl < 2 * USEC_PER_SEC ? pid1_service(ctl->bus, GUARD_SERVICE, &guard) : CTL_OK;

        if (!guard)
                return code;
        if (!guard_is_hardened((pid_t) get_integer(guard, "MainPID")))
                finding_add(findings, "weak",
                                "TTL= is below 2s, and the guard has no locked memory or no realtime priority: on a "
                                "busy "
                                "machine it may kill too late");
        if (streq(conf->registry, "etcd"))
                finding_add(findings, "note",
                                "TTL= is below 2s: units pause while etcd elects a leader; its members need short "
                                "elections (ETCD_HEARTBEAT_INTERVAL=10, ETCD_ELECTION_TIMEOUT=100) and a fast disk");
        return CTL_OK;
}

/* Adds what weakens the guard, if its unit is there. Returns an exit code. */
static int look_at_guard(Ctl *ctl, usec_t ttl, json_t *findings) {
        json_auto_t *guard = NULL, *service = NULL;
        int code = pid1_load(ctl->bus, GUARD_SERVICE, &guard);

        if (code != CTL_OK || !streq(get_string(guard, "LoadState"), "loaded"))
                return code;
        code = pid1_service(ctl->bus, GUARD_SERVICE, &service);
        if (code == CTL_OK)
                guard_settings_examine(service, ttl, findings);
        return code;
}

static int look_at_daemon(Ctl *ctl, json_t *findings) {
        json_auto_t *daemon = NULL, *guard = NULL;
        int code = pid1_load(ctl->bus, DAEMON_SERVICE, &daemon);

        if (code == CTL_OK)
                code = pid1_load(ctl->bus, GUARD_SERVICE, &guard);
        if (code != CTL_OK)
                return code;
        if (!streq(get_string(guard, "LoadState"), "loaded"))
                finding_add(findings, "refused", GUARD_SERVICE " is not installed, and without it nothing can start");
        if (!startswith(get_string(daemon, "UnitFileState"), "enabled"))
                finding_add(findings, "weak",
                                "leased.service is not enabled: this machine takes no leases after a reboot: "
                                "systemctl enable leased");
        return CTL_OK;
}

/* Nobody beats while leased is started anew, which takes about half a second, and a crash of it 0.2 s more. */
static void look_at_fencing(const LeasedConf *conf, json_t *findings) {
        char a[32], b[32];

        if (conf->fence_command && conf->fence_after < RESTART_TAKES)
                finding_add(findings, "weak",
                                "FenceAfterSec=%s: a machine may be switched off because leased was restarted there; "
                                "set %s or more",
                                format_span(a, sizeof(a), conf->fence_after),
                                format_span(b, sizeof(b), RESTART_TAKES));
}

static void look_at_registry(const LeasedConf *conf, json_t *findings) {
        char note[512];

        if (streq(conf->registry, "local"))
                finding_add(findings, "weak", "%s", registry_local_note(conf->directory, note, sizeof(note)));
        else if (conf->endpoints && conf->endpoints[0] && !conf->endpoints[1])
                finding_add(findings, "note",
                                "there is one endpoint only: without it no unit runs for longer than the TTL");
        if (conf->endpoints && conf->endpoints[0] && startswith(conf->endpoints[0], "http:"))
                finding_add(findings, "note",
                                "Endpoints= are http: whoever reaches them can take leases (see CAFile=, User=)");
}

int weakness_examine(Ctl *ctl, const char *name, const json_t *unit, const LeasedConf *conf, json_t *findings) {
        json_auto_t *service = NULL, *pid1 = NULL;
        bool fenced = is_fenced(name);
        int code = CTL_OK;

        look_at_gate(name, unit, findings);
        settings_weaken("", unit, files_listed(name), files_gated, findings);
        if (endswith(name, ".service")) {
                code = pid1_service(ctl->bus, name, &service);
                if (code != CTL_OK)
                        return code;
                look_at_service("", fenced, service, findings);
                token_examine("", name, name, service, findings);
        } else if (endswith(name, ".socket"))
                effects_examine("", fenced, unit, findings);
        look_at_mount("", name, fenced, findings);
        code = look_at_covered(ctl, name, fenced, unit, findings);
        if (code == CTL_OK)
                code = outside_examine(ctl, name, unit, true, findings);
        if (code != CTL_OK)
                return code;
        look_at_registry(conf, findings);
        look_at_fencing(conf, findings);
        code = pid1_manager(ctl->bus, &pid1);
        if (code != CTL_OK)
                return code;
        look_at_pid1(pid1, conf->ttl, findings);
        look_at_host_clock(findings);
        code = ordering_examine(ctl, conf, findings);
        if (code == CTL_OK)
                code = look_at_short_ttl(ctl, conf, findings);
        if (code == CTL_OK)
                code = look_at_guard(ctl, conf->ttl, findings);
        return code == CTL_OK ? look_at_daemon(ctl, findings) : code;
}

int weakness_examine_global(Ctl *ctl, const char *name, const json_t *unit, json_t *findings) {
        if (look_at_list(name, findings) && pid1_gate_asserted(unit, name))
                finding_add(findings, "refused",
                                "is enabled, but still has the gate of a leased unit and cannot start: leasectl "
                                "reload");
        return look_at_daemon(ctl, findings);
}
