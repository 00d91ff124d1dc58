/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/guard-settings.h"

#include <signal.h>
#include <stdio.h>

#include "ctl/ctl.h"
#include "ctl/exec-line.h"
#include "ctl/finding.h"
#include "util/strv.h"

/* What the guard and its --wipe have at least, in bytes and in processes. */
#define MEMORY_MIN (INT64_C(64) * 1024 * 1024)
#define TASKS_MIN 8

static void tell(json_t *findings, const char *setting, const char *why) {
        finding_add(findings, "weak", "leased-guard.service has %s in a drop-in: %s", setting, why);
}

/* PID 1 tells "infinity" as the highest number, which JSON has as -1. */
static bool is_below(const json_t *service, const char *property, json_int_t least) {
        const json_t *value = json_object_get(service, property);

        return json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) < least;
}

/* Whether leased-guard --wipe runs when the guard is gone. */
static bool wipes(const json_t *service) {
        json_t *command;
        size_t i;

        json_array_foreach(exec_line_commands(service, "ExecStopPost"), i, command) {
                _cleanup_(strv_freep) char **argv = exec_line_words(service, command);

                if (argv && streq(base_name(argv[0]), "leased-guard") && strv_contains(argv, "--wipe"))
                        return true;
        }
        return false;
}

static void look_at_end(const json_t *service, usec_t ttl, json_t *findings) {
        const char *kill = get_string(service, "KillMode"), *error = get_string(service, "StandardError");

        if (!wipes(service))
                tell(findings, "no ExecStopPost= with leased-guard --wipe",
                                "nothing kills the units of a guard that is gone");
        if (is_below(service, "TimeoutStopUSec", (json_int_t) ttl))
                tell(findings, "a TimeoutStopSec= below the TTL",
                                "the guard, and the --wipe that comes after it, are killed before the time of their "
                                "units is up");
        if (is_below(service, "RuntimeMaxUSec", INT64_MAX))
                tell(findings, "RuntimeMaxSec=", "systemd ends the guard then, and with it all leased units");
        if (streq(kill, "none") || streq(kill, "process"))
                tell(findings, streq(kill, "none") ? "KillMode=none" : "KillMode=process",
                                "a guard that hangs is not ended as a whole");
        if (json_object_get(service, "WatchdogSignal") && get_integer(service, "WatchdogSignal") != SIGKILL)
                tell(findings, "another WatchdogSignal= than SIGKILL", "a guard that hangs may be replaced too late");
        if (startswith(error, "file") || startswith(error, "append") || startswith(error, "truncate"))
                tell(findings, "a file as StandardError=", "the guard waits for the disk before it stops or kills");
        if (!streq(get_string(service, "Restart"), "no"))
                tell(findings, "Restart=", "only leased, which knows what it holds, may start the guard again");
        if (json_is_false(json_object_get(service, "Delegate")))
                tell(findings, "Delegate=no",
                                "after a write to cgroup.kill, Linux 6.18 kills the guard's --wipe at birth");
}

static void look_at_room(const json_t *service, json_t *findings) {
        static const struct {
                const char *property, *setting, *why;
                json_int_t least;
        } limits[] = {
                { "MemoryMax", "a MemoryMax= below 64M", "the guard or its --wipe may be killed for want of memory",
                                MEMORY_MIN },
                { "MemoryHigh", "a MemoryHigh= below 64M", "the guard may wait for memory, and kill too late",
                                MEMORY_MIN },
                { "TasksMax", "a TasksMax= below 8", "its --wipe, or a newer guard, may not start", TASKS_MIN },
                { "CPUQuotaPerSecUSec", "CPUQuota=", "the guard may stand still when it has to kill", INT64_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(limits); i++)
                if (is_below(service, limits[i].property, limits[i].least))
                        tell(findings, limits[i].setting, limits[i].why);
        if (streq(get_string(service, "ManagedOOMMemoryPressure"), "kill") ||
                        streq(get_string(service, "ManagedOOMSwap"), "kill"))
                tell(findings, "ManagedOOM*=kill", "systemd-oomd may kill the guard, and with it all leased units");
        if (get_integer(service, "OOMScoreAdjust") > -900)
                tell(findings, "an OOMScoreAdjust= above -900", "the kernel may kill the guard for want of memory");
}

void guard_settings_examine(const json_t *service, usec_t ttl, json_t *findings) {
        look_at_end(service, ttl, findings);
        look_at_room(service, findings);
}
