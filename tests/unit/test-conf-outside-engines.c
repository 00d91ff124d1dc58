/* SPDX-License-Identifier: Apache-2.0 */
/* Engines and hosts that are reached in an unusual way, and containers that an engine starts again by itself. */
#include "outside-fixture.h"

static void this_machine_is_known_under_any_of_its_names(void **state) {
        static const char *const lines[] = {
                "ssh 0 job",
                "ssh 127.1 job",
                "ssh 0x7f000001 job",
                "ssh 2130706433 job",
                "ssh ::1 job",
                "ssh ::1%lo job",
                "ssh [::1] job",
                "ssh :: job",
                "ssh ::ffff:127.0.0.1 job",
                "ssh LOCALHOST job",
                "ssh localhost. job",
                "ssh ip6-loopback job",
                "ssh web.localhost job",
                "ssh -o Hostname=localhost x job",
                "ssh -oHostName=127.1 x job",
                "ssh -o 'hostname ::1' x job",
                "ssh -4 -o 'Hostname = localhost' web@x job",
                "ssh -o HostName=localhost -o HostName=other x job",
                "autossh -M 0 localhost job",
                "dbclient -y localhost job",
        };
        char host[100] = "", line[140];

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_look(lines[i], NULL, OUTSIDE_YES);
        assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
        (void) snprintf(line, sizeof(line), "ssh web@%s.example.org job", host);
        assert_look(line, NULL, OUTSIDE_YES);
}

static void another_machine_is_not_taken_for_this_one(void **state) {
        static const char *const lines[] = {
                "ssh 10.0.0.1 job",
                "ssh 128.1 job",
                "ssh fe80::1%eth0 job",
                "ssh ::2 job",
                "ssh localhosts job",
                "ssh notlocalhost job",
                "ssh -o Hostname=other localhost job",
                "ssh -o HostName=other -o HostName=localhost x job",
                "ssh -oHostKeyAlias=localhost other job",
                "autossh -M 0 -N -L 80:web:80 localhost",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_look(lines[i], NULL, OUTSIDE_NO);
}

/* A slice of this machine holds nothing that an engine of another machine starts. */
static void an_engine_of_another_machine_is_refused_in_any_slice(void **state) {
        static const char *const lines[] = {
                "docker -H tcp://other:2375 run --cgroup-parent=web.slice web",
                "docker -Htcp://other:2375 run --cgroup-parent=web.slice web",
                "docker --host=ssh://other start web",
                "docker --host ssh://other compose up",
                "docker -c far run --cgroup-parent=web.slice web",
                "docker --context=far start web",
                "docker-compose -H tcp://other:2375 up",
                "podman --url ssh://other/run/podman.sock run --cgroup-parent=web.slice web",
                "podman --connection far run --cgroup-parent=web.slice web",
                "podman --remote --url=tcp://other:80 start web",
                "virsh -c qemu+ssh://other/system start web",
                "virsh --connect=qemu+tls://other/system start web",
                "env DOCKER_HOST=tcp://other:2375 docker run --cgroup-parent=web.slice web",
                "sh -c 'DOCKER_HOST=ssh://other docker run --cgroup-parent=web.slice web'",
                "sh -c 'export DOCKER_HOST=tcp://other:2375; docker run --cgroup-parent=web.slice web'",
                "sh -c 'export DOCKER_CONTEXT=far && exec docker start web'",
                "sh -c 'CONTAINER_HOST=ssh://other/x podman --remote start web'",
                "sudo -u web DOCKER_HOST=tcp://other:2375 docker run --cgroup-parent=web.slice web",
                "env LIBVIRT_DEFAULT_URI=qemu+ssh://other/system virsh start web",
                "virt-install --connect qemu+ssh://other/system --import --name web",
                "env LIBVIRT_DEFAULT_URI=qemu+ssh://other/system virt-install --import --name web",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_look(lines[i], "web.slice", OUTSIDE_YES);
}

static void an_engine_of_this_machine_is_held_by_the_slice(void **state) {
        static const char *const held[] = {
                "docker -H unix:///run/d.sock run --cgroup-parent=web.slice web",
                "docker -H fd:// run --cgroup-parent=web.slice web",
                "docker -H tcp://127.0.0.1:2375 run --cgroup-parent=web.slice web",
                "docker -H tcp://:2375 run --cgroup-parent=web.slice web",
                "docker -c default run --cgroup-parent=web.slice web",
                "podman --url unix:///run/podman/podman.sock run --cgroup-parent=web.slice web",
                "env DOCKER_HOST=unix:///run/d.sock docker run --cgroup-parent=web.slice web",
                "sh -c 'export DOCKER_HOST=unix:///run/d.sock; docker run --cgroup-parent=web.slice web'",
                "docker -H tcp://other:2375 stop web",
                "env DOCKER_HOST=tcp://other:2375 docker ps",
                "sudo -u web docker run --cgroup-parent=web.slice -e DOCKER_HOST=tcp://other:2375 web",
                "virsh -c qemu+ssh://other/system shutdown web",
        };
        static const char *const unseen[] = {
                "virsh -c qemu:///system start web",
                "virsh -c lxc:/// start web",
                "virsh -c qemu+unix:///system start web",
                "docker -H unix:///run/d.sock start web",
                "virt-install -c /srv/web.iso --name web",
        };

        for (size_t i = 0; i < ELEMENTSOF(held); i++)
                assert_look(held[i], "web.slice", OUTSIDE_NO);
        for (size_t i = 0; i < ELEMENTSOF(unseen); i++)
                assert_look(unseen[i], "web.slice", OUTSIDE_UNSEEN);
}

/* A unit's Environment= may choose the engine; all else is as without it. */
static void the_environment_may_name_an_engine_of_another_machine(void **state) {
        static const struct {
                const char *variables[3], *line;
                Outside expected;
        } cases[] = {
                { { "A=1", "DOCKER_HOST=tcp://other:2375" }, "docker run --cgroup-parent=web.slice web", OUTSIDE_YES },
                { { "DOCKER_CONTEXT=far" }, "sh -c 'exec docker run --cgroup-parent=web.slice web'", OUTSIDE_YES },
                { { "CONTAINER_HOST=ssh://other/x" }, "podman run --cgroups=split web", OUTSIDE_YES },
                { { "LIBVIRT_DEFAULT_URI=qemu+ssh://other/system" }, "virsh start web", OUTSIDE_YES },
                { { "HOST=tcp://other:2375" }, "sh -c 'docker -H $HOST start web'", OUTSIDE_YES },
                { { "LIBVIRT_DEFAULT_URI=qemu:///system" }, "virsh start web", OUTSIDE_UNSEEN },
                { { "DOCKER_HOST=" }, "docker run --cgroup-parent=web.slice web", OUTSIDE_NO },
                { { "DOCKER_HOST=tcp://localhost:2375" }, "docker run --cgroup-parent=web.slice web", OUTSIDE_NO },
                { { "DOCKER_HOSTS=tcp://other:2375" }, "docker run --cgroup-parent=web.slice web", OUTSIDE_NO },
                { { "DOCKER_HOST=tcp://other:2375" }, "docker stop web", OUTSIDE_NO },
                /* the command's own word counts more */
                { { "DOCKER_HOST=unix:///run/d.sock" },
                                "env DOCKER_HOST=tcp://other docker run --cgroup-parent=web.slice web", OUTSIDE_YES },
                { { "DOCKER_HOST=tcp://other" },
                                "env DOCKER_HOST=unix:///run/d.sock docker run --cgroup-parent=web.slice web",
                                OUTSIDE_NO },
                /* words that are no commands stay such */
                { { "DOCKER_HOST=tcp://other" }, "echo 'docker start web'", OUTSIDE_NO },
                { { "DOCKER_HOST=tcp://other" }, "ssh other docker start web", OUTSIDE_NO },
                { { "DOCKER_HOST=unix:///run/d.sock" }, "docker run --cgroup-parent=web.slice web su - app -c job",
                                OUTSIDE_NO },
                { { "DOCKER_HOST=tcp://other" }, "python3 -u /opt/monitor.py docker run", OUTSIDE_NO },
                { { "DOCKER_HOST=tcp://other" }, "/opt/docker/dockerd --cgroup-parent=web.slice", OUTSIDE_NO },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(strv_freep) char **words = split(cases[i].line);
                OutsideFinding finding = {};
                Outside found = outside_look_with(
                                (char *const *) cases[i].variables, words, "web.slice", true, &finding);

                if (found != cases[i].expected)
                        fail_msg("%s %s: %d, not %d (%s: %s)", cases[i].variables[0], cases[i].line, (int) found,
                                        (int) cases[i].expected, finding.what, finding.mend);
        }
}

static void what_speaks_to_an_engine_itself_is_seen(void **state) {
        static const char *const lines[] = {
                "docker -H tcp://127.0.0.1:2375 run web",
                "podman --remote run web",
                "curl --unix-socket /var/run/docker.sock -X POST http://d/containers/web/start",
                "curl -X POST http://127.0.0.1:2375/containers/web/start",
                "curl -XPOST https://other:2376/v1.41/containers/web/restart?t=1",
                "curl --unix-socket /run/podman/podman.sock -X POST http://d/v4.0.0/libpod/play/kube",
                "curl --unix-socket /var/lib/incus/unix.socket -X PUT -d '{\"action\":\"start\"}' "
                "http://d/1.0/instances/web/state",
                "wget --post-data= http://127.0.0.1:2375/containers/web/start",
                "http POST http+unix://%2Fvar%2Frun%2Fdocker.sock/containers/web/start",
                "nerdctl run web",
                "nerdctl -n k8s.io start web",
                "ctr run docker.io/web web",
                "crictl start web",
                "crictl -r unix:///run/crio/crio.sock runp pod.json",
                "lxc query -X PUT -d '{\"action\":\"start\"}' /1.0/instances/web/state",
                "incus query --request PUT --data '{\"action\":\"unfreeze\"}' /1.0/instances/web/state",
                "incus query -X POST /1.0/instances/web/exec -d '{\"command\":[\"job\"]}'",
                "pvesh create /nodes/a/qemu/100/status/start",
                "pvesh create /nodes/a/lxc/100/status/resume",
                "pvesh create nodes/a/startall",
                "pvesh create /nodes/a/qemu/100/agent/exec -command job",
                "qm start 100",
                "qm reboot 100",
                "pct start 100",
                "virsh -c qemu:///system start web",
                "virsh -q --connect qemu:///system start web",
                "virsh autostart web",
                "emacsclient -e '(start-process \"web\" nil \"job\")'",
                "emacsclient --eval '(web)'",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_look(lines[i], NULL, OUTSIDE_YES);
}

static void what_only_asks_an_engine_passes(void **state) {
        static const char *const lines[] = {
                "curl http://127.0.0.1:2375/containers/json",
                "curl http://127.0.0.1:8080/start",
                "curl --unix-socket /run/firecracker.sock -X PUT -d '{\"action_type\":\"InstanceStart\"}' "
                "http://localhost/actions",
                "wget http://127.0.0.1:2375/containers/json",
                "lxc query /1.0/instances/start",
                "lxc query -X PUT -d '{\"action\":\"stop\"}' /1.0/instances/web/state",
                "pvesh get /nodes/a/qemu/100/status/start",
                "pvesh create /nodes/a/qemu/100/status/shutdown",
                "virsh autostart --disable web",
                "virsh -c qemu:///system shutdown web",
                "qm shutdown 100",
                "emacsclient --version",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_look(lines[i], NULL, OUTSIDE_NO);
}

static void what_only_helps_may_speak_to_emacs(void **state) {
        _cleanup_(strv_freep) char **words = split("emacsclient --eval '(kill-emacs)'");
        OutsideFinding finding = {};

        assert_int_equal(outside_look(words, NULL, false, &finding), OUTSIDE_NO);
}

/* The guard kills the container, and the engine starts it again, perhaps when another machine has the lease. */
static void a_container_that_its_engine_starts_again_is_refused_in_any_slice(void **state) {
        static const char *const lines[] = {
                "docker run --restart=always --cgroup-parent=web.slice web",
                "docker run --restart unless-stopped --cgroup-parent web.slice web",
                "docker create --cgroup-parent=web.slice --restart=on-failure:3 web",
                "docker run --restart=$POLICY --cgroup-parent=web.slice web",
                "balena run --restart=always --cgroup-parent=web.slice web",
                "nerdctl run --restart=always --cgroup-parent=web.slice web",
                "podman run --restart=always --cgroups=split web",
                "podman run --restart=on-failure --cgroup-parent=web.slice web",
                "podman pod create --restart=always --cgroup-parent=web.slice web",
                "docker update --restart=always web",
                "docker container update --restart unless-stopped web",
                "podman update --restart=always web",
                "nerdctl update --restart=always web",
                "sh -c 'docker start web; docker update --restart=always web'",
        };
        static const char *const passing[] = {
                "docker run --restart=no --cgroup-parent=web.slice web",
                "docker run --restart no --cgroup-parent=web.slice web",
                "docker run --cgroup-parent=web.slice web --restart=always",
                "podman run --restart=no --cgroups=split web",
                "podman run --cgroups=split web job --restart always",
                "docker update --restart=no web",
                "docker update --memory 1g web",
        };
        OutsideFinding finding = {};

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_look(lines[i], "web.slice", OUTSIDE_YES);
        for (size_t i = 0; i < ELEMENTSOF(passing); i++)
                assert_look(passing[i], "web.slice", OUTSIDE_NO);
        assert_int_equal(look(lines[0], "web.slice", &finding), OUTSIDE_YES);
        assert_string_equal(finding.what, "docker run --restart");
        assert_string_equal(finding.mend,
                        "leave it out: the engine starts the container again by itself after a kill; Restart= in "
                        "[Service] does it under the lease");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(this_machine_is_known_under_any_of_its_names),
                cmocka_unit_test(another_machine_is_not_taken_for_this_one),
                cmocka_unit_test(an_engine_of_another_machine_is_refused_in_any_slice),
                cmocka_unit_test(an_engine_of_this_machine_is_held_by_the_slice),
                cmocka_unit_test(the_environment_may_name_an_engine_of_another_machine),
                cmocka_unit_test(what_speaks_to_an_engine_itself_is_seen),
                cmocka_unit_test(what_only_asks_an_engine_passes),
                cmocka_unit_test(what_only_helps_may_speak_to_emacs),
                cmocka_unit_test(a_container_that_its_engine_starts_again_is_refused_in_any_slice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
