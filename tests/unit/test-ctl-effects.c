/* SPDX-License-Identifier: Apache-2.0 */
/* What a service sets up that is no process is told, in whatever way a line does it, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/outside.h"
#include "ctl/effects.h"
#include "ctl/exec-line.h"
#include "ctl/finding.h"
#include "util/strv.h"

/* One command as PID 1 tells it: the path, and all words. "'...'" is one word. */
static json_t *command(const char *line) {
        _cleanup_free_ char *copy = strdup(line);
        json_t *words = json_array();

        assert_non_null(copy);
        for (char *p = copy; *p;) {
                char end = *p == '\'' ? *p++ : ' ';
                size_t n = strcspn(p, (char[]){ end, '\0' });

                if (n > 0)
                        assert_int_equal(json_array_append_new(words, json_stringn(p, n)), 0);
                p += n;
                p += *p != '\0';
        }
        return json_pack("[O, o, b]", json_array_get(words, 0), words, 0);
}

/* Gives what is found in a service with these lines, each of which may be NULL. */
static char *look(const char *start, const char *start_post, const char *stop, const char *stop_post, bool fenced) {
        json_auto_t *service = json_object(), *findings = json_array();
        const char *const lines[][2] = { { "ExecStart", start }, { "ExecStartPost", start_post }, { "ExecStop", stop },
                { "ExecStopPost", stop_post } };
        char *text = NULL;
        size_t size, i;
        json_t *finding;
        FILE *f = open_memstream(&text, &size);

        for (i = 0; i < ELEMENTSOF(lines); i++)
                if (lines[i][1])
                        (void) json_object_set_new(service, lines[i][0], json_pack("[o]", command(lines[i][1])));
        effects_examine("", fenced, service, findings);
        json_array_foreach(findings, i, finding)
                (void) fprintf(f, "%s: %s\n", get_string(finding, "severity"), get_string(finding, "text"));
        assert_int_equal(fclose(f), 0);
        return text;
}

static void an_effect_behind_a_shell_or_another_program_is_told(void **state) {
        static const char *const lines[] = {
                "/usr/sbin/ip address add 10.0.0.9/32 dev lo",
                "/bin/sh -c 'ip address add 10.0.0.9/32 dev lo'",
                "/bin/bash -ec 'set -u; exec ip link add x type dummy'",
                "/bin/sh -c 'test -e /x || mount /dev/x /srv'",
                "/usr/bin/env A=1 iptables -I INPUT -j ACCEPT",
                "/usr/bin/flock /run/x -c 'nft add table t'",
                "/usr/bin/timeout 5 systemd-mount /dev/x /srv",
                "/usr/bin/nice sysctl -w net.ipv4.ip_forward=1",
                "/usr/sbin/keepalived --dont-fork",
                "/usr/sbin/rpc.nfsd 8",
                "/usr/bin/mount -L data /srv",
                "/usr/sbin/swapon /dev/x",
                "/usr/bin/nsupdate /etc/web.dns",
                "/usr/bin/vtysh -c 'conf t'",
                "/usr/sbin/birdc enable web",
                "/usr/sbin/ethtool -K eth0 tx off",
                "/usr/sbin/netplan apply",
                "/usr/sbin/bpftool prog load x /sys/fs/bpf/x",
                "/usr/sbin/lvm vgchange -ay data",
                "/usr/bin/aws ec2 assign-private-ip-addresses --network-interface-id x",
                "/usr/bin/hcloud floating-ip assign web h1",
                "/usr/bin/consul services register web.hcl",
                "/usr/sbin/dhclient -1 eth0",
                "/bin/busybox udhcpc -i eth0",
                "/usr/sbin/dhcpcd -w eth0",
                "/usr/bin/sshfs -f store:/srv /srv",
                "/usr/bin/rclone mount store:web /srv",
                "/usr/bin/s3fs web /srv -f",
                "/usr/bin/ceph-fuse -f /srv",
                "/usr/sbin/glusterfs -N --volfile-id=web /srv",
                "/usr/sbin/mount.glusterfs store:/web /srv",
                "/usr/sbin/mount.ceph store:/web /srv",
                "/usr/sbin/nbd-client store /dev/nbd0",
                "/usr/bin/rbd-nbd map web",
                "/usr/bin/qemu-nbd --connect=/dev/nbd0 /srv/x.qcow2",
                "/usr/bin/qemu-nbd -c /dev/nbd0 /srv/x.qcow2",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_free_ char *main = look(lines[i], NULL, NULL, NULL, false);
                _cleanup_free_ char *post = look("/usr/bin/job", lines[i], NULL, NULL, false);

                if (!startswith(main, "weak: ExecStart= with ") || !strstr(main, "take it back in ExecStopPost="))
                        fail_msg("%s: %s", lines[i], main);
                if (!startswith(post, "weak: ExecStartPost= with "))
                        fail_msg("%s: %s", lines[i], post);
        }
}

/* As of systemd 258, "|" hands the words to a shell. PID 1 tells the words as they stand, behind the name of the
 * shell, and says in the flags what it does with them. */
static void what_pid_1_hands_to_a_shell_is_read_as_a_script(void **state) {
        static const struct {
                const char *line;
                bool effect;
                Outside outside;
        } cases[] = {
                { "[\"/bin/sh\", [\"sh\", \"docker\", \"run\", \"web\"], [\"via-shell\"]]", false, OUTSIDE_YES },
                { "[\"/bin/sh\", [\"-sh\", \"exec\", \"docker\", \"run\"], [\"ignore-failure\", \"via-shell\"]]",
                                false, OUTSIDE_YES },
                { "[\"/bin/sh\", [\"sh\", \"ip\", \"address\", \"add\", \"$A\"], [\"via-shell\"]]", true, OUTSIDE_NO },
                { "[\"/bin/sh\", [\"sh\", \"true;ip address add $A\"], [\"via-shell\"]]", true, OUTSIDE_NO },
                { "[\"/bin/sh\", [\"sh\", \"job\"], [\"via-shell\"]]", false, OUTSIDE_NO },
                { "[\"/bin/sh\", [\"sh\"], [\"via-shell\"]]", false, OUTSIDE_NO },
                { "[\"/bin/sh\", [\"sh\", \"/x\", \"docker\", \"run\"], []]", false, OUTSIDE_NO },
                { "[\"/usr/bin/docker\", [\"@\", \"run\", \"web\"], [\"no-setuid\"]]", false, OUTSIDE_YES },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_auto_t *command = json_loads(cases[i].line, 0, NULL), *findings = json_array();
                json_auto_t *service = NULL;
                _cleanup_(strv_freep) char **argv = NULL;
                OutsideFinding finding = {};

                assert_non_null(command);
                service = json_pack("{s:[[O, O, b]], s:[O]}", "ExecStart", json_array_get(command, 0),
                                json_array_get(command, 1), 0, "ExecStartEx", command);
                effects_examine("", false, service, findings);
                argv = exec_line_words(service, json_array_get(exec_line_commands(service, "ExecStart"), 0));
                if (json_array_size(findings) != cases[i].effect ||
                                outside_look(argv, NULL, true, &finding) != cases[i].outside)
                        fail_msg("%s: %zu findings, %s", cases[i].line, json_array_size(findings), finding.what);
        }
}

/* The lines of a socket have no flags on D-Bus. */
static void what_a_socket_hands_to_a_shell_is_read_as_a_script(void **state) {
        static const struct {
                const char *line;
                Outside outside;
        } cases[] = {
                { "[\"/bin/sh\", [\"sh\", \"docker\", \"run\", \"web\"], false]", OUTSIDE_YES },
                { "[\"/bin/sh\", [\"-sh\", \"docker run web\"], false]", OUTSIDE_YES },
                { "[\"/bin/sh\", [\"/bin/sh\", \"web.sh\", \"docker\", \"run\"], false]", OUTSIDE_NO },
                { "[\"/bin/sh\", [\"/bin/sh\", \"docker\", \"run\"], false]", OUTSIDE_YES },
                { "[\"/bin/sh\", [\"sh\", \"-ec\", \"docker run\"], false]", OUTSIDE_YES },
                { "[\"/bin/sh\", [\"sh\"], false]", OUTSIDE_NO },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_auto_t *command = json_loads(cases[i].line, 0, NULL);
                json_auto_t *socket = json_pack("{s:[O]}", "ExecStartPre", command);
                _cleanup_(strv_freep) char **argv =
                                exec_line_words(socket, json_array_get(exec_line_commands(socket, "ExecStartPre"), 0));
                OutsideFinding finding = {};

                if (outside_look(argv, NULL, false, &finding) != cases[i].outside)
                        fail_msg("%s: %s", cases[i].line, finding.what);
        }
}

static void a_variable_that_the_unit_sets_is_put_in(void **state) {
        static const struct {
                const char *line;
                Outside outside;
        } cases[] = {
                { "[\"/usr/bin/env\", [\"env\", \"${ENGINE}\", \"run\", \"web\"], []]", OUTSIDE_YES },
                { "[\"/usr/bin/env\", [\"env\", \"$COMMAND\"], []]", OUTSIDE_YES },
                { "[\"/bin/sh\", [\"sh\", \"-c\", \"exec $ENGINE run web\"], []]", OUTSIDE_YES },
                { "[\"/bin/sh\", [\"sh\", \"-c\", \"${COMMAND}\"], []]", OUTSIDE_YES },
                { "[\"/usr/bin/docker\", [\"docker\", \"run\", \"$PLACE\", \"web\"], []]", OUTSIDE_NO },
                { "[\"/usr/bin/docker\", [\"docker\", \"$VERB\", \"web\"], []]", OUTSIDE_NO },
                { "[\"/usr/bin/docker\", [\"docker\", \"$OTHER\", \"web\"], []]", OUTSIDE_UNSEEN },
                { "[\"/usr/bin/env\", [\"env\", \"$$ENGINE\", \"run\"], []]", OUTSIDE_NO },
                { "[\"/usr/bin/env\", [\"env\", \"$NOTHING\", \"$\", \"${\", \"${ENGINE\", \"run\"], []]",
                                OUTSIDE_NO },
        };
        json_auto_t *environment = json_pack("[s, s, s, s, s]", "ENGINE=docker", "COMMAND=docker run  web",
                        "VERB=stop", "PLACE=--rm --cgroup-parent=web.slice", "NOTHING=");

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_auto_t *command = json_loads(cases[i].line, 0, NULL);
                json_auto_t *service = json_pack("{s:[O], s:O}", "ExecStartEx", command, "Environment", environment);
                _cleanup_(strv_freep) char **argv =
                                exec_line_words(service, json_array_get(exec_line_commands(service, "ExecStart"), 0));
                OutsideFinding finding = {};

                if (outside_look(argv, "web.slice", true, &finding) != cases[i].outside)
                        fail_msg("%s: %s", cases[i].line, finding.what);
        }
}

static void an_effect_of_a_script_is_told(void **state) {
        static const struct {
                const char *text;
                bool alone, behind; /* a shell, which takes any file */
        } scripts[] = {
                { "#!/bin/sh\nset -e\nip address add 10.0.0.9/32 dev lo\n", true, true },
                { "#!/usr/bin/env -S bash -e\nif true; then mount /dev/x /srv; fi\n", true, true },
                { "#!/bin/sh\n# ip address add 10.0.0.9/32 dev lo\n", false, false },
                { "#!/usr/bin/python3\nip address add\n", false, true },
                { "ip address add 10.0.0.9/32 dev lo\n", false, true },
        };
        char path[] = "/tmp/test-ctl-effects.XXXXXX", line[100];
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        for (size_t i = 0; i < ELEMENTSOF(scripts); i++) {
                _cleanup_free_ char *alone = NULL, *behind = NULL;
                size_t n = strlen(scripts[i].text);

                assert_int_equal(ftruncate(fd, 0), 0);
                assert_int_equal(pwrite(fd, scripts[i].text, n, 0), n);
                alone = look(path, NULL, NULL, NULL, false);
                (void) snprintf(line, sizeof(line), "/usr/bin/nice sh -e %s up", path);
                behind = look(line, NULL, NULL, NULL, false);
                if (scripts[i].alone != (*alone != 0) || scripts[i].behind != (*behind != 0))
                        fail_msg("%s: %s%s", scripts[i].text, alone, behind);
        }
        assert_int_equal(close(fd), 0);
        assert_int_equal(unlink(path), 0);
}

static void what_leaves_nothing_behind_is_not_told(void **state) {
        static const char *const lines[] = {
                "/usr/bin/job",
                "/bin/sh -c 'echo mount'",
                "/bin/sh -c 'ip address show dev lo'",
                "/usr/sbin/ip netns exec x job",
                "/usr/sbin/iptables -L",
                "/usr/bin/aws s3 sync /srv s3://web",
                "/usr/bin/gcloud storage cp /srv/x gs://web",
                "/usr/bin/consul members list",
                "/opt/mount-job",
                "/usr/bin/rclone sync /srv store:web",
                "/usr/bin/rclone serve webdav /srv",
                "/usr/bin/rbd-nbd list-mapped",
                "/usr/bin/qemu-nbd --persistent /srv/x.qcow2",
                "/usr/bin/fusermount3 -u /srv",
                "/opt/sshfs-job",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_free_ char *text = look(lines[i], NULL, NULL, NULL, false);

                if (*text)
                        fail_msg("%s: %s", lines[i], text);
        }
}

static void a_mount_that_a_stop_detaches_though_it_is_busy_is_told(void **state) {
        static const struct {
                const char *line;
                bool lazy;
        } lines[] = {
                { "/usr/bin/umount -l /srv", true },
                { "/usr/bin/umount -fl /srv", true },
                { "/usr/bin/umount --lazy /srv", true },
                { "/usr/bin/umount -t nfs -l /srv", true },
                { "/bin/sh -c 'umount /srv || umount -lf /srv'", true },
                { "/usr/bin/umount /srv", false },
                { "/usr/bin/umount -f -R /srv", false },
                { "/usr/bin/umount -tlustre /srv", false },
                { "/usr/bin/umount --all-targets /srv", false },
                { "/usr/bin/umount -- -l", false },
                { "/usr/bin/mount -l", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_free_ char *stop = look("/usr/bin/job", NULL, lines[i].line, NULL, false);
                _cleanup_free_ char *post = look("/usr/bin/job", NULL, NULL, lines[i].line, true);

                if (lines[i].lazy != startswith(stop, "weak: ExecStop= with umount --lazy: ") ||
                                lines[i].lazy != startswith(post, "weak: ExecStopPost= with umount --lazy: "))
                        fail_msg("%s: %s%s", lines[i].line, stop, post);
        }
}

static void what_the_lines_of_a_socket_set_up_is_told(void **state) {
        json_auto_t *findings = json_array();
        json_auto_t *socket = json_pack("{s:[o], s:[o]}", "ExecStartPre", command("/usr/sbin/nft add table t"),
                        "ExecStopPre", command("/usr/sbin/nft delete table t"));

        effects_examine("", false, socket, findings);
        assert_int_equal(json_array_size(findings), 1);
        assert_non_null(strstr(get_string(json_array_get(findings, 0), "text"),
                        "ExecStartPre= with nft: what that sets up is no process, and stays when ExecStopPre= is not "
                        "done in time"));
}

static void an_address_of_its_own_is_told_beside_one_that_the_kernel_forgets(void **state) {
        static const char kernel[] = "/usr/lib/leased/leased-address eth0/10.0.0.9/32";
        _cleanup_free_ char *alone =
                        look(kernel, NULL, NULL, "/usr/lib/leased/leased-address --remove eth0/x/32", false);
        _cleanup_free_ char *beside =
                        look(kernel, "/bin/sh -c 'ip route add 10.1.0.0/16 dev eth0'", NULL, NULL, false);

        assert_string_equal(alone, "");
        assert_non_null(strstr(beside, "weak: ExecStartPost= with ip: "));
}

static void it_weighs_less_where_a_stop_takes_it_back_and_the_machine_is_rebooted(void **state) {
        static const char add[] = "/bin/sh -c 'ip address add 10.0.0.9/32 dev lo'";
        static const char del[] = "/bin/sh -c 'ip address del 10.0.0.9/32 dev lo'";
        _cleanup_free_ char *stop = look("/usr/bin/job", add, del, NULL, false);
        _cleanup_free_ char *post = look("/usr/bin/job", add, NULL, del, false);
        _cleanup_free_ char *fenced = look("/usr/bin/job", add, NULL, del, true);
        _cleanup_free_ char *never = look("/usr/bin/job", add, NULL, NULL, true);

        assert_non_null(strstr(stop, "weak: ExecStartPost= with ip: "));
        assert_non_null(strstr(stop, "stays when ExecStop= is not done in time"));
        assert_non_null(strstr(post, "weak: ExecStopPost=: "));
        assert_non_null(strstr(fenced, "note: ExecStopPost=: "));
        assert_non_null(strstr(never, "weak: "));
}

/* systemd.service(5): PID 1 then keeps what was handed to it until somebody has it cleaned. */
static void files_that_stay_open_in_pid_1_are_told(void **state) {
        static const char *const preserves[] = { "no", "restart", "yes" };

        for (size_t i = 0; i < ELEMENTSOF(preserves); i++) {
                json_auto_t *findings = json_array();
                json_auto_t *service = json_pack("{s:s, s:i}", "FileDescriptorStorePreserve", preserves[i],
                                "FileDescriptorStoreMax", 4);
                json_auto_t *without = json_pack("{s:s, s:i}", "FileDescriptorStorePreserve", preserves[i],
                                "FileDescriptorStoreMax", 0);

                effects_examine("", false, without, findings);
                assert_int_equal(json_array_size(findings), 0);
                effects_examine("", false, service, findings);
                assert_int_equal(json_array_size(findings), i == 2);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_effect_behind_a_shell_or_another_program_is_told),
                cmocka_unit_test(what_pid_1_hands_to_a_shell_is_read_as_a_script),
                cmocka_unit_test(what_a_socket_hands_to_a_shell_is_read_as_a_script),
                cmocka_unit_test(a_variable_that_the_unit_sets_is_put_in),
                cmocka_unit_test(an_effect_of_a_script_is_told),
                cmocka_unit_test(what_leaves_nothing_behind_is_not_told),
                cmocka_unit_test(a_mount_that_a_stop_detaches_though_it_is_busy_is_told),
                cmocka_unit_test(what_the_lines_of_a_socket_set_up_is_told),
                cmocka_unit_test(an_address_of_its_own_is_told_beside_one_that_the_kernel_forgets),
                cmocka_unit_test(files_that_stay_open_in_pid_1_are_told),
                cmocka_unit_test(it_weighs_less_where_a_stop_takes_it_back_and_the_machine_is_rebooted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
