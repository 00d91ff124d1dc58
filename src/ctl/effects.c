/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds services and sockets with effects that are no processes: addresses, mounts, rules. No SIGKILL ends such an
 * effect, so everything depends on the lines that take it back. ExecStopPost= has a time of its own after a kill
 * (guard/guard-entry.h); ExecStop= is killed with the unit.
 */

#include "ctl/effects.h"

#include <stdio.h>

#include "ctl/ctl.h"
#include "ctl/exec-line.h"
#include "ctl/finding.h"
#include "ctl/script.h"
#include "util/strv.h"

#define PROGRAM_SIZE 32u

/* Programs whose effect stays when they have ended, or were killed. */
static const char *const lasting[] = { "arptables", "arptables-restore", "bindfs", "birdc", "birdc6", "bpftool",
        "brctl", "bridge", "ceph-fuse", "consul", "cryptsetup", "devlink", "dhclient", "dhcp6c", "dhcpcd", "dmsetup",
        "drbdadm", "drbdsetup", "ebtables", "ebtables-restore", "ethtool", "exabgpcli", "exportfs", "firewall-cmd",
        "fuse-overlayfs", "gcsfuse", "glusterfs", "gobgp", "gocryptfs", "ifconfig", "ifenslave", "ifup", "insmod",
        "ip", "ip6tables", "ip6tables-restore", "ipset", "iptables", "iptables-restore", "ipvsadm", "iscsiadm",
        "keepalived", "kpartx", "losetup", "lvchange", "lvm", "mdadm", "modprobe", "mount", "nbd-client", "netplan",
        "networkctl", "nfsdctl", "nft", "nmcli", "nsupdate", "ntfs-3g", "nvme", "nvmetcli", "ovs-vsctl", "rbd",
        "rbd-fuse", "rbd-nbd", "resolvectl", "route", "rpc.nfsd", "s3fs", "sshfs", "swapon", "sysctl",
        "systemd-cryptsetup", "systemd-dissect", "systemd-mount", "systemd-sysext", "targetcli", "targetctl", "tc",
        "teamdctl", "tgtadm", "tunctl", "ucarp", "udhcpc", "udhcpc6", "udisksctl", "ufw", "vconfig", "vgchange",
        "vgimport", "vtysh", "wg", "wg-quick", "zfs", "zpool" };

static bool is_lasting(const char *name) {
        if (startswith(name, "mount.")) /* what mount runs for a type of file system */
                return true;
        for (size_t i = 0; i < ELEMENTSOF(lasting); i++)
                if (streq(name, lasting[i]))
                        return true;
        return false;
}

/* Programs that do other things as well: only with one of these words, or options, does something stay. The clients of
 * clouds move it from one machine to another. */
static const struct {
        const char *name, *word;
} by_word[] = { { "aws", "ec2" }, { "aws", "route53" }, { "az", "network" }, { "gcloud", "compute" },
        { "gcloud", "dns" }, { "openstack", "floating" }, { "openstack", "port" }, { "hcloud", "floating-ip" },
        { "hcloud", "load-balancer" }, { "doctl", "compute" }, { "rclone", "mount" }, { "rclone", "nfsmount" },
        { "juicefs", "mount" }, { "qemu-nbd", "-c" }, { "qemu-nbd", "--connect" } };

static bool has_word(char *const *words, const char *word) {
        size_t n = strlen(word);

        for (; *words; words++)
                if (streq(*words, word) || (*word == '-' && startswith(*words, word) && (*words)[n] == '='))
                        return true;
        return false;
}

static bool is_lasting_by_word(char *const *argv) {
        for (size_t i = 0; i < ELEMENTSOF(by_word); i++)
                if (streq(base_name(argv[0]), by_word[i].name) && has_word(argv + 1, by_word[i].word))
                        return true;
        return false;
}

/* Whether the program is only to show what there is, or to run another one ("ip netns exec"). */
static bool only_looks(char *const *argv) {
        static const char *const words[] = { "show", "list", "ls", "get", "status", "monitor", "exec", "list-mapped",
                "--list", "--help", "--version", "-V" };
        bool of_rules = strstr(base_name(argv[0]), "tables") || streq(base_name(argv[0]), "ipvsadm");

        for (char *const *a = argv + 1; *a; a++) {
                for (size_t i = 0; i < ELEMENTSOF(words); i++)
                        if (streq(*a, words[i]))
                                return true;
                if (of_rules && (streq(*a, "-L") || streq(*a, "-S"))) /* mount -L has another meaning */
                        return true;
        }
        return false;
}

/* Takes the command into the buffer if its effect stays. */
static bool take_lasting(char *const *argv, void *userdata) {
        const char *name = base_name(argv[0]);
        char *found = userdata;

        if ((!is_lasting(name) && !is_lasting_by_word(argv)) || only_looks(argv))
                return true;
        (void) snprintf(found, PROGRAM_SIZE, "%s", name);
        return false;
}

/* Finds the first such program in a line that starts the service, also where a shell or another program runs it. Gives
 * the name of the line, and the program's in found; NULL if there is none. */
static const char *find_lasting(const json_t *service, char found[static PROGRAM_SIZE]) {
        static const char *const lines[] = { "ExecStartPre", "ExecStart", "ExecStartPost" };

        found[0] = '\0';
        for (size_t l = 0; l < ELEMENTSOF(lines); l++) {
                json_t *command;
                size_t i;

                json_array_foreach(exec_line_commands(service, lines[l]), i, command) {
                        _cleanup_(strv_freep) char **argv = exec_line_words(service, command);

                        script_each_command(argv, take_lasting, found);
                        if (*found)
                                return lines[l];
                }
        }
        return NULL;
}

/* Whether this is an umount that detaches a mount even if it is busy. */
static bool is_lazy_umount(char *const *argv) {
        if (!streq(base_name(argv[0]), "umount"))
                return false;
        for (char *const *a = argv + 1; *a && !streq(*a, "--"); a++)
                if (streq(*a, "--lazy") || ((*a)[0] == '-' && (*a)[1 + strcspn(*a + 1, "-OtNl")] == 'l'))
                        return true; /* behind -O, -t and -N stands their value */
        return false;
}

static bool take_lazy(char *const *argv, void *userdata) {
        bool *found = userdata;

        *found = is_lazy_umount(argv);
        return !*found;
}

static void look_at_detaching(const char *with, const json_t *service, json_t *findings) {
        static const char *const lines[] = { "ExecStop", "ExecStopPre", "ExecStopPost" };

        for (size_t l = 0; l < ELEMENTSOF(lines); l++) {
                json_t *command;
                bool lazy = false;
                size_t i;

                json_array_foreach(exec_line_commands(service, lines[l]), i, command) {
                        _cleanup_(strv_freep) char **argv = exec_line_words(service, command);

                        if (!lazy)
                                script_each_command(argv, take_lazy, &lazy);
                }
                if (lazy)
                        finding_add(findings, "weak",
                                        "%s%s= with umount --lazy: that detaches a mount even if it is busy, and who "
                                        "has a file of it open goes on using it when the lease has passed on",
                                        with, lines[l]);
        }
}

/* leased-address@.service, and what is like it: the kernel forgets the address in time, whatever happens to the unit.
 */
static bool is_temporary(const json_t *service) {
        const json_t *starts = json_object_get(service, "ExecStart");

        return json_array_size(starts) == 1 &&
               streq(base_name(string_at(json_array_get(starts, 0), 0)), "leased-address");
}

/* Gives the name of the line that takes an effect back before the processes are gone; NULL: there is none. */
static const char *find_stop(const json_t *service) {
        static const char *const lines[] = { "ExecStop", "ExecStopPre" /* of a socket */ };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (json_array_size(json_object_get(service, lines[i])) > 0)
                        return lines[i];
        return NULL;
}

void effects_examine(const char *with, bool fenced, const json_t *service, json_t *findings) {
        bool stop_post = json_array_size(json_object_get(service, "ExecStopPost")) > 0;
        const char *stop = find_stop(service);
        char program[PROGRAM_SIZE];
        const char *severity = fenced ? "note" : "weak", *line = find_lasting(service, program);

        if (streq(get_string(service, "FileDescriptorStorePreserve"), "yes") &&
                        get_integer(service, "FileDescriptorStoreMax") > 0)
                finding_add(findings, "weak",
                                "%sFileDescriptorStorePreserve=yes: what it hands to systemd, as sockets and files "
                                "with "
                                "their locks, stays open there when the lease has passed on",
                                with);
        look_at_detaching(with, service, findings);
        if (is_temporary(service) && !line)
                return;
        if (stop_post)
                finding_add(findings, severity,
                                "%sExecStopPost=: what it takes back is no process; after a kill it has half of the "
                                "unit's StopGrace for "
                                "that, at most 0.5 s, and what is not done then stays%s",
                                with, fenced ? ", but this machine is rebooted" : " (unless FenceAction=reboot)");
        else if (line && stop)
                finding_add(findings, severity,
                                "%s%s= with %s: what that sets up is no process, and stays when %s= is not done in "
                                "time; ExecStopPost= would also run after a kill%s",
                                with, line, program, stop, fenced ? "; this machine is rebooted then" : "");
        else if (line)
                finding_add(findings, "weak",
                                "%s%s= with %s: what that sets up is no process, and stays when the lease passes on: "
                                "take it back in "
                                "ExecStopPost=",
                                with, line, program);
}
