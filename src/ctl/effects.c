/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds services with effects that are no processes: addresses, mounts, rules. No SIGKILL ends such an effect, so
 * everything depends on the lines that take it back. ExecStopPost= has a time of its own after a kill
 * (guard/guard-entry.h); ExecStop= is killed with the unit.
 */

#include "ctl/effects.h"

#include "ctl/finding.h"
#include "ctl/pid1.h"

/* Programs whose effect stays when they have ended. */
static const char *const lasting[] = { "arptables", "brctl", "cryptsetup", "dmsetup", "drbdadm", "drbdsetup",
        "ebtables", "exportfs", "ifconfig", "ifup", "ip", "ip6tables", "iptables", "ipvsadm", "losetup", "lvchange",
        "mdadm", "modprobe", "mount", "networkctl", "nft", "nmcli", "resolvectl", "rbd", "route", "sysctl", "tc",
        "vgchange", "zpool" };

static bool is_lasting(const char *path) {
        const char *name = base_name(path);

        for (size_t i = 0; i < ELEMENTSOF(lasting); i++)
                if (streq(name, lasting[i]))
                        return true;
        return false;
}

/* Gives the first such program in a line that starts the service, and in *ret_line the name of the line; NULL if
 * there is none. */
static const char *find_lasting(const json_t *service, const char **ret_line) {
        static const char *const lines[] = { "ExecStartPre", "ExecStart", "ExecStartPost" };

        for (size_t l = 0; l < ELEMENTSOF(lines); l++) {
                json_t *command;
                size_t i;

                json_array_foreach(json_object_get(service, lines[l]), i, command) {
                        const char *path = string_at(command, 0);

                        *ret_line = lines[l];
                        if (is_lasting(path))
                                return path;
                }
        }
        return NULL;
}

/* leased-address@.service, and what is like it: the kernel forgets the address in time, whatever happens to the unit.
 */
static bool is_temporary(const json_t *service) {
        const json_t *starts = json_object_get(service, "ExecStart");

        return json_array_size(starts) == 1 &&
               streq(base_name(string_at(json_array_get(starts, 0), 0)), "leased-address");
}

void effects_examine(const char *with, bool fenced, const json_t *service, json_t *findings) {
        bool stop = json_array_size(json_object_get(service, "ExecStop")) > 0;
        bool stop_post = json_array_size(json_object_get(service, "ExecStopPost")) > 0;
        const char *severity = fenced ? "note" : "weak", *line = "", *path = find_lasting(service, &line);

        if (is_temporary(service))
                return;
        if (stop_post)
                finding_add(findings, severity,
                                "%sExecStopPost=: what it takes back is no process; after a kill it has half of the "
                                "unit's StopGrace for "
                                "that, at most 0.5 s, and what is not done then stays%s",
                                with, fenced ? ", but this machine is rebooted" : " (unless FenceAction=reboot)");
        else if (path && stop)
                finding_add(findings, severity,
                                "%s%s= with %s: what that sets up is no process, and stays when ExecStop= is not done "
                                "in time; "
                                "ExecStopPost= would also run after a kill%s",
                                with, line, path, fenced ? "; this machine is rebooted then" : "");
        else if (path)
                finding_add(findings, "weak",
                                "%s%s= with %s: what that sets up is no process, and stays when the lease passes on: "
                                "take it back in "
                                "ExecStopPost=",
                                with, line, path);
}
