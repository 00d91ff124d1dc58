/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside.h"

#include <unistd.h>

#include "conf-fixture.h"

/* Words as PID 1 has them, separated by spaces; "'...'" is one. */
static char **split(const char *line) {
        _cleanup_free_ char *copy = strdup(line);
        char **words = calloc(strlen(line) + 2, sizeof(char *));
        size_t n = 0;

        assert_true(copy && words);
        for (char *p = copy; *p;) {
                char end = *p == '\'' ? *p++ : ' ';
                size_t length = strcspn(p, (char[]){ end, '\0' });

                if (length > 0)
                        words[n++] = strndup(p, length);
                p += length;
                p += *p != '\0';
        }
        return words;
}

static Outside look(const char *line, const char *slice, OutsideFinding *finding) {
        _cleanup_(strv_freep) char **words = split(line);

        return outside_look(words, slice, true, finding);
}

static void assert_look(const char *line, const char *slice, Outside expected) {
        OutsideFinding finding = {};
        Outside found = look(line, slice, &finding);

        if (found != expected)
                fail_msg("%s (Slice=%s): %d, not %d (%s: %s)", line, strempty(slice), (int) found, (int) expected,
                                finding.what, finding.mend);
        assert_int_equal(finding.mend[0] != '\0', expected != OUTSIDE_NO);
}

static void what_works_elsewhere_is_seen(void **state) {
        static const char *const lines[] = {
                "/usr/bin/docker run --rm --name web nginx",
                "docker --log-level debug -H unix:///run/d.sock run web",
                "docker container run web",
                "docker start -a web",
                "docker compose -f /etc/x.yml up",
                "docker compose --project-name x up -d",
                "docker-compose -f x.yml up",
                "docker stack deploy -c x.yml web",
                "docker exec web job",
                "docker $ARGUMENTS",
                "docker create web",
                "/usr/bin/podman run --cgroups=no-conmon --rm --sdnotify=conmon -d web",
                "podman run --cgroups=enabled web",
                "podman start web",
                "podman --storage-driver vfs run web",
                "podman pod start web",
                "podman pod create web",
                "podman kube play web.yaml",
                "podman play kube web.yaml",
                "nerdctl --namespace x run web",
                "ctr -n x run docker.io/web web",
                "ctr tasks start web",
                "runc run --bundle /srv/web web",
                "runc --root /run/x --systemd-cgroup run web",
                "crun --cgroup-manager systemd run web",
                "crun --cgroup-manager=disabled --systemd-cgroup run web",
                "/usr/bin/systemd-run --unit=payload --wait sleep 1",
                "systemd-run --scope --unit=payload sleep 1",
                "systemd-run --slice-inherit --scope sleep 1",
                "systemd-run --slice=other.slice sleep 1",
                "machinectl start web",
                "machinectl shell web /bin/x",
                "virsh -c qemu:///system start web",
                "virsh create web.xml",
                "lxc-start -n web -F",
                "lxc-start -n web -F -s lxc.cgroup.relative=0",
                "lxc-start -n web -s lxc.cgroup.dir=web.slice",
                "lxc-start -n web -F -- job -s lxc.cgroup.relative=1",
                "lxc-start -n lxc.cgroup.relative=1 -F",
                "lxc-autostart -s lxc.cgroup.relative=1",
                "lxc start web",
                "incus launch web",
                "su - web -c job",
                "su -l web -c job",
                "su --login web -c job",
                "su web -c job",
                "runuser -l web -c job",
                "sudo -u web -i job",
                "sudo -iu web job",
                "run0 job",
                "run0 --slice=web.slice --user=web job",
                "snap run web.job",
                "snap run --shell web",
                "/snap/bin/web serve",
                "snap start web.daemon",
                "ssh localhost job",
                "ssh -i /k -p 22 -oBatchMode=No web@127.0.0.1 job",
                "ssh -tt -l web ::1 job",
                "ssh ssh://web@localhost:22 job",
                "sh -c 'ssh localhost job'",
                "ctr -n x tasks resume web",
                "nerdctl unpause web",
                "incus resume web",
                "lxc shell web",
                "distrobox enter web -- job",
                "toolbox run -c web job",
                "minikube -p web start",
                "kind create cluster",
                "k3d cluster start web",
                "limactl start web",
                "vmrun -T ws start /x.vmx",
                "xe vm-start vm=web",
                "virsh snapshot-revert web one",
                "sv start web",
                "circusctl start web",
                "kubectl exec web -- job",
                "nomad alloc exec x job",
                "sbatch web.sh",
                "srun job",
                "at now",
                "batch",
                "/usr/bin/at now",
                "systemd-nspawn -bD /var/lib/machines/web",
                "systemd-nspawn --register=no -D /var/lib/machines/web",
                "systemctl start other.service",
                "systemctl --no-block restart other.service",
                "systemctl enable --now other.service",
                "service other start",
                "loginctl enable-linger web",
                "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager "
                "StartUnit ss a.service replace",
                "cgexec -g cpu:x job",
                "systemd-run --unit=payload --wait psql -h localhost",
                "systemd-run --unit payload job --help",
                "systemd-run -M web job",
                "systemd-nspawn -D /var/lib/machines/web /opt/job --keep-unit",
                "systemd-nspawn -D /var/lib/machines/web /opt/job --help",
                "systemd-vmspawn --image=/srv/web.raw",
                "docker-compose --env-file .env up",
                "docker-compose --profile prod up -d",
                "docker compose scale web=2",
                "docker unpause web",
                "docker service update --force web",
                "podman-remote run --cgroups=split web",
                "podman --remote run --cgroups=split web",
                "podman --url unix:///run/podman/podman.sock run --cgroups=split web",
                "podman container restore web",
                "podman container clone --run web",
                "podman system service --time=0",
                "virsh resume web",
                "machinectl enable --now web",
                "lxc --project x start web",
                "incus --project x start web",
                "lxc-autostart",
                "lxc-attach -n web -- job",
                "vagrant up",
                "multipass start web",
                "kubectl -n web apply -f web.yaml",
                "kubectl --namespace web scale deploy/web --replicas=1",
                "helm install web ./chart",
                "nomad job run web.hcl",
                "supervisorctl -c /etc/s.conf start web",
                "monit start web",
                "initctl start web",
                "crontab /etc/web.crontab",
                "systemctl --job-mode replace start other.service",
                "systemctl --host=b start other.service",
                "deb-systemd-invoke start other.service",
                "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager "
                "ReloadOrRestartUnit ss a.service replace",
                "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1/unit/a_2eservice "
                "org.freedesktop.systemd1.Unit Start s replace",
                "gdbus call --system --dest org.freedesktop.systemd1 --object-path /org/freedesktop/systemd1/unit/a "
                "--method org.freedesktop.systemd1.Unit.Restart replace",
                "busctl call org.freedesktop.machine1 /org/freedesktop/machine1 org.freedesktop.machine1.Manager "
                "OpenMachineShell sssasas .host web /opt/job 0 0",
                "tmux new-session -d -s web job",
                "tmux -2 new -d job",
                "tmux",
                /* engines, whose containers and machines are not in their group */
                "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock",
                "/usr/bin/containerd",
                "/usr/sbin/libvirtd --timeout 120",
                "crio",
                "kubelet --config=/etc/k.yaml",
                "/usr/local/bin/k3s server",
                "lxd --group lxd",
                "nomad agent -config /etc/nomad.d",
                "balena run web",
                "balena-engine run web",
                "finch run web",
                "finch compose up",
                "apptainer instance start web.sif web",
                "singularity instance run web.sif web",
                "runsc --root /run/x run web",
                "youki create web",
                "pm2 start web.js",
                "pm2 --silent resurrect",
                "s6-svc -u /run/service/web",
                "s6-svc -wU -ru /run/service/web",
                "svc -u /service/web",
                "s6-rc -u change web",
                "dinitctl start web",
                "virt-install --import --name web",
                "flatpak run org.web",
                "microk8s start",
                "colima start",
                "podman --root /x unshare podman start web",
                "nsenter --join-cgroup -t 1 job",
                "nsenter -t 1 -a -c job",
                "byobu new-session -d job",
                "cset shield --exec job",
                "jailer --id web --exec-file /fc --parent-cgroup web",
                "pcs resource enable web",
                "crm resource start web",
                "qdbus --system org.freedesktop.systemd1 /org/freedesktop/systemd1 "
                "org.freedesktop.systemd1.Manager.StartUnit a.service replace",
                "varlinkctl call /run/systemd/io.systemd.Manager io.systemd.Unit.StartTransient {}",
                "curl --unix-socket /run/docker.sock -X POST http://d/v1.41/containers/web/start",
                "curl -s --unix-socket=/run/podman/podman.sock -XPOST http://d/libpod/containers/web/restart?t=1",
                "buildkitd --addr unix:///x",
                "k0s controller --single",
                "csh -c 'docker run web'",
                "tcsh -fc 'docker run web'",
                "execlineb -Pc 'docker run web'",
                "screen -dmS web docker run web",
                "tmux -L web new-session -d 'docker run web'",
                "tmux -L web new-session -d docker run web",
                "dtach -n /run/x docker run web",
                "abduco -n web docker run web",
                "eatmydata docker run web",
                "tsp docker run web",
                "gdbserver :1 docker run web",
                "systemd-notify --ready --exec ; docker run web",
                "su-exec web docker run web",
                "bash --login -c 'docker run web'",
                "dash -c 'command -p docker run web'",
                /* through others */
                "xvfb-run -a docker run web",
                "dbus-run-session -- docker run web",
                "find /srv -name x -exec docker run {} +",
                "pkexec docker run web",
                "linux32 docker run web",
                "sg docker -c 'docker run web'",
                "choom -n 0 -- docker run web",
                "proxychains4 -q docker run web",
                "s6-envdir /x docker run web",
                "sh -c 'trap \"docker run web\" EXIT'",
                "bash -c 'function f { docker run web; }; f'",
                "sh -c 'f() { docker run web; }; f'",
                "sh -c 'for i in 1 2; do docker run web; done'",
                "sh -c 'case $X in a) docker run web;; esac'",
                "sh -c 'while ! docker run web; do sleep 1; done'",
                "/bin/sh -c 'docker run web'",
                "/bin/bash -ec 'set -u; exec docker run web'",
                "/bin/bash -o pipefail -c 'true && docker run web | cat'",
                "sh -c 'A=1 B=2 docker run web'",
                "sh -c 'if true; then docker run web; fi'",
                "sh -c 'echo \"$(docker run web)\"'",
                "sh -c 'X=`docker run web`'",
                "sh -c 'true >/dev/null 2>&1; docker run web >/dev/null'",
                "sh -c 'docker run --name ${NAME} web &'",
                "sh -c '# nothing\ndocker run web'",
                "sh -c 'eval \"docker run web\"'",
                "sh -c 'trap \"docker stop web\" TERM; docker run web & wait'",
                "env A=1 docker run web",
                "/usr/bin/env -i -u B docker run web",
                "env -S 'docker run web'",
                "nice -n 10 docker run web",
                "timeout -s KILL 10 docker run web",
                "flock -n /run/x docker run web",
                "flock /run/x -c 'docker run web'",
                "sudo -u web docker run web",
                "runuser -u web -- systemd-run job",
                "nice ionice -c 3 timeout 10 env sh -c 'exec nice docker run web'",
                "busybox sh -c 'docker run web'",
                "ip netns exec x docker run web",
        };

        char host[100] = "", line[140];

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_look(lines[i], NULL, OUTSIDE_YES);
        assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
        (void) snprintf(line, sizeof(line), "ssh %s job", host);
        assert_look(line, NULL, OUTSIDE_YES);
}

static void what_keeps_its_work_inside_passes(void **state) {
        static const char *const lines[] = {
                "/srv/batch",
                "/opt/bin/at now",
                "/usr/bin/sleep 1000",
                "/usr/bin/docker stop web",
                "docker rm -f web",
                "docker pull web",
                "docker inspect start",
                "runc delete --force web",
                "runc --log run list",
                "crun --cgroup-manager=disabled run --bundle /srv/web web",
                "crun --cgroup-manager disabled run web",
                "crun delete --force web",
                "lxc-start -F -n web -s lxc.cgroup.relative=1",
                "lxc-start -n web --define=lxc.cgroup.relative=1 -- job",
                "lxc-execute -n web --define lxc.cgroup.relative=1 -slxc.cgroup.dir=web -- job",
                "lxc-stop -n web",
                "docker --version",
                "docker compose -f x.yml down",
                "docker volume create run",
                "podman run --cgroups=split --rm web",
                "podman run --cgroups split --sdnotify=conmon -d web",
                "podman run --cgroups=disabled web",
                "/usr/bin/podman run --name=systemd-%N --cidfile=/run/x.cid --replace --rm --cgroups=split "
                "--network=host --sdnotify=conmon -d web",
                "podman rm -v -f -i --cidfile=/run/x.cid",
                "podman network create --ignore x",
                "podman pod stop web",
                "systemd-nspawn --quiet --keep-unit --boot --machine=web",
                "systemd-run --version",
                "systemd-run --help",
                "systemd-nspawn --help",
                "systemd-nspawn --cleanup --machine=web",
                "podman play kube --down web.yaml",
                "podman kube play --down web.yaml",
                "systemd-vmspawn --keep-unit --image=/srv/web.raw",
                "systemctl --no-pager status start.service",
                "docker-compose --env-file .env down",
                "docker-compose --env-file .env logs web",
                "docker --log-level debug stop run",
                "supervisorctl stop web",
                "kubectl get pods",
                "kubectl port-forward svc/web 80",
                "helm list",
                "nomad status",
                "crontab -l",
                "virsh destroy web",
                "dockerd --version",
                "podman system prune -f",
                "busctl status org.freedesktop.systemd1",
                "busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1 "
                "org.freedesktop.systemd1.Manager Version",
                "tmux -L web new-session -d -s web job",
                "tmux -S /run/web/tmux new-session -d job",
                "tmux -L web kill-server",
                "tmux kill-session -t web",
                "find / -name docker -delete",
                "vagrant halt",
                "runuser -u web -- job -l",
                "runuser -u web job",
                "sudo -u web job -i",
                "sudo -u irc job",
                "ssh -N -L 80:web:80 localhost",
                "ssh -fNT -R 80:web:80 localhost",
                "ssh -W web:22 localhost",
                "ssh localhost",
                "ssh other job",
                "ssh -o ProxyJump=localhost other job",
                "ssh -O exit localhost x",
                "snap list",
                "snap stop web.daemon",
                "run0 --help",
                "srun --version",
                "sv stop web",
                "kind get clusters",
                "incus stop web",
                "minikube stop",
                "kubectl logs web",
                "systemctl stop other.service",
                "systemctl is-active start",
                "systemctl daemon-reload",
                "systemctl kill -s HUP other.service",
                "service other stop",
                "loginctl list-sessions",
                "virsh shutdown web",
                "machinectl poweroff web",
                "pm2 stop web",
                "s6-svc -d /run/service/web",
                "svc -d /service/web",
                "s6-rc -d change web",
                "apptainer run web.sif",
                "apptainer instance stop web",
                "runsc kill web",
                "dinitctl stop web",
                "nsenter -t 1 -m -n job",
                "nsenter --net=/run/netns/x job -c",
                "screen -S web -X quit",
                "pcs status",
                "crm_mon -1",
                "curl http://d/containers/web/start",
                "curl --unix-socket /run/docker.sock http://d/containers/json",
                "jailer --id web --exec-file /fc",
                "virt-install --version",
                "flatpak list",
                "varlinkctl info /run/systemd/io.systemd.Manager",
                "qdbus --system org.freedesktop.systemd1",
                "tmux -L web kill-session -t docker",
                "execlineb -c job",
                "mount -L run /srv",
                "/opt/docker-run start",
                "/opt/job docker run",
                "sh -c 'echo docker run'",
                "sh -c 'echo x > docker; sleep 1'",
                "sh -c 'echo \"docker run\"'",
                "sh -c '# docker run'",
                "sh -c 'docker stop web || true'",
                "sh /opt/start",
                "env A=docker job",
                "nice job",
                "sh",
                "env",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_look(lines[i], NULL, OUTSIDE_NO);
}

static void an_option_that_names_the_slice_keeps_the_work_inside(void **state) {
        static const struct {
                const char *line;
                Outside expected;
        } cases[] = {
                { "docker run --cgroup-parent=web.slice web", OUTSIDE_NO },
                { "docker run --cgroup-parent web.slice web", OUTSIDE_NO },
                { "docker run --cgroup-parent=/web.slice/ web", OUTSIDE_NO },
                { "docker run --cgroup-parent=web-a.slice web", OUTSIDE_NO },
                { "docker run --cgroup-parent=other.slice web", OUTSIDE_YES },
                { "docker run --cgroup-parent=webb.slice web", OUTSIDE_YES },
                { "docker run --cgroup-parent=web.slice --cgroup-parent=other.slice web", OUTSIDE_YES },
                { "docker run web", OUTSIDE_YES },
                { "docker start -a web", OUTSIDE_UNSEEN },
                { "docker compose up", OUTSIDE_UNSEEN },
                { "docker exec web job", OUTSIDE_NO },
                { "podman run --cgroup-parent=web.slice web", OUTSIDE_NO },
                { "podman pod create --cgroup-parent=web.slice web", OUTSIDE_NO },
                { "podman run web", OUTSIDE_YES },
                { "systemd-run --slice=web.slice job", OUTSIDE_NO },
                { "systemd-run --slice web.slice --scope job", OUTSIDE_NO },
                { "systemd-run -p Slice=web.slice job", OUTSIDE_NO },
                { "systemd-run --property=Slice=web.slice job", OUTSIDE_NO },
                { "systemd-run -p MemoryMax=1G job", OUTSIDE_YES },
                { "systemd-run job --slice=web.slice", OUTSIDE_YES },
                { "systemd-run --unit web --slice=web.slice job", OUTSIDE_NO },
                { "systemd-run --unit=web --slice=web.slice job --slice=other.slice", OUTSIDE_NO },
                { "systemd-run -u web -E A=1 -t --slice=web.slice job", OUTSIDE_NO },
                { "systemd-run -M web --slice=web.slice job", OUTSIDE_YES },
                { "systemd-run -Hother --slice=web.slice job", OUTSIDE_YES },
                { "dockerd --cgroup-parent=web.slice", OUTSIDE_NO },
                { "dockerd", OUTSIDE_YES },
                { "containerd", OUTSIDE_UNSEEN },
                { "tmux new -d job", OUTSIDE_YES },
                { "kubectl apply -f web.yaml", OUTSIDE_YES },
                { "systemd-run --user --slice=web.slice job", OUTSIDE_YES },
                { "systemd-nspawn --slice=web.slice -bD /x", OUTSIDE_NO },
                { "systemd-nspawn -bD /x", OUTSIDE_YES },
                { "machinectl start web", OUTSIDE_UNSEEN },
                { "virsh start web", OUTSIDE_UNSEEN },
                { "crun --systemd-cgroup run web", OUTSIDE_UNSEEN },
                { "crun --cgroup-manager=disabled run web", OUTSIDE_NO },
                { "lxc-start -F -n web", OUTSIDE_UNSEEN },
                { "lxc-start -F -n web -s lxc.cgroup.relative=1", OUTSIDE_NO },
                { "lxc-start -F -n web -s lxc.cgroup.dir=web.slice", OUTSIDE_NO },
                { "lxc-start -F -n web --define=lxc.cgroup.dir=/web.slice/web-a.slice/x", OUTSIDE_NO },
                { "lxc-start -F -n web -s lxc.cgroup.dir=other.slice", OUTSIDE_YES },
                { "lxc-start -F -n web -s lxc.cgroup.dir=web-a.slice", OUTSIDE_YES },
                { "lxc-start -F -n web -s lxc.cgroup.dir=web.slice -s lxc.cgroup.dir=webb", OUTSIDE_YES },
                { "lxc-autostart", OUTSIDE_UNSEEN },
                { "systemctl start other.service", OUTSIDE_UNSEEN },
                { "su - web -c job", OUTSIDE_YES },
                { "at now", OUTSIDE_YES },
                { "sh -c 'docker start other; docker run web'", OUTSIDE_YES },
                { "sh -c 'docker rm -f web; exec docker run --cgroup-parent=web.slice web'", OUTSIDE_NO },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_look(cases[i].line, "web.slice", cases[i].expected);
}

static void the_finding_says_what_to_write(void **state) {
        static const struct {
                const char *line, *slice, *what, *mend;
        } cases[] = {
                { "/usr/bin/docker run web", NULL, "docker run",
                                "write Slice=NAME.slice in [X-Leased] and --cgroup-parent=NAME.slice behind docker "
                                "run" },
                { "docker run web", "web.slice", "docker run", "write --cgroup-parent=web.slice behind docker run" },
                { "docker run --cgroup-parent=a.slice web", NULL, "docker run", "write Slice=a.slice in [X-Leased]" },
                { "docker run --cgroup-parent=system.slice web", NULL, "docker run",
                                "write Slice=NAME.slice in [X-Leased] and --cgroup-parent=NAME.slice behind docker "
                                "run" },
                { "podman run web", "web.slice", "podman run",
                                "write --cgroup-parent=web.slice behind podman run, or --cgroups=split and "
                                "Delegate=yes" },
                { "podman container create web", "web.slice", "podman container create",
                                "write --cgroup-parent=web.slice behind podman container create, or --cgroups=split "
                                "and Delegate=yes" },
                { "docker compose up", NULL, "docker compose up",
                                "write Slice=NAME.slice in [X-Leased] and have it run there (cgroup_parent: of each "
                                "service)" },
                { "systemd-nspawn -D /x", NULL, "systemd-nspawn", "write --keep-unit behind systemd-nspawn" },
                { "systemd-run --scope job", NULL, "systemd-run",
                                "write Slice=NAME.slice in [X-Leased] and --slice=NAME.slice behind systemd-run, or "
                                "start the program "
                                "itself" },
                { "machinectl start web", NULL, "machinectl start",
                                "write Slice=NAME.slice in [X-Leased] and have it run there (Slice= of "
                                "systemd-nspawn@.service, or lease systemd-nspawn@NAME.service itself)" },
                { "crun run web", NULL, "crun run",
                                "write --cgroup-manager=disabled behind crun, or Slice=NAME.slice in [X-Leased] and "
                                "have it run there (cgroupsPath in its config.json)" },
                { "crun run web", "web.slice", "crun run",
                                "have it run in web.slice (cgroupsPath in its config.json)" },
                { "lxc-start -n web", NULL, "lxc-start",
                                "write -s lxc.cgroup.relative=1 behind lxc-start, and Delegate=yes" },
                { "lxc-start -n web", "a-web.slice", "lxc-start",
                                "write -s lxc.cgroup.dir=a.slice/a-web.slice behind lxc-start, or "
                                "-s lxc.cgroup.relative=1 and Delegate=yes" },
                { "lxc-autostart", NULL, "lxc-autostart",
                                "write Slice=NAME.slice in [X-Leased] and have it run there (lxc.cgroup.dir)" },
                { "run0 job", "web.slice", "run0",
                                "it opens a session, whose processes logind takes away; write User= in [Service]" },
                { "ssh localhost job", NULL, "ssh to this machine",
                                "sshd runs it in a session, whose processes logind takes away; start the program "
                                "itself, with User= in [Service]" },
                { "snap run web.job", NULL, "snap run",
                                "snapd puts it into a scope of its own; lease the unit of a service of the snap "
                                "(snap.NAME.APP.service), or start the program itself" },
                { "su - web -c job", NULL, "su -l",
                                "it opens a session, whose processes logind takes away; write User= in [Service], or "
                                "runuser -u USER "
                                "-- COMMAND" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                OutsideFinding finding = {};

                assert_int_not_equal(look(cases[i].line, cases[i].slice, &finding), OUTSIDE_NO);
                assert_string_equal(finding.what, cases[i].what);
                assert_string_equal(finding.mend, cases[i].mend);
        }
}

static void what_only_helps_may_enter_a_container(void **state) {
        _cleanup_(strv_freep) char **words = split("podman exec web reload");
        OutsideFinding finding = {};

        assert_int_equal(outside_look(words, NULL, false, &finding), OUTSIDE_NO);
        assert_int_equal(outside_look(words, NULL, true, &finding), OUTSIDE_YES);
}

static void odd_words_are_read_to_their_end(void **state) {
        static const char *const scripts[] = { "'", "\"", "\"$(", "`", "$(((", "a >", "2>", "\\", "${", "x=`\"$(",
                "&>", "#", "((((((((((", "sh -c sh -c sh -c" };
        OutsideFinding finding = {};
        char *nested[40] = {};

        for (size_t i = 0; i < ELEMENTSOF(scripts); i++) {
                char *words[] = { (char *) "sh", (char *) "-c", (char *) scripts[i], NULL };

                (void) outside_look(words, NULL, true, &finding);
        }
        for (size_t i = 0; i + 1 < ELEMENTSOF(nested); i++)
                nested[i] = (char *) (i % 2 ? "nice" : "time");
        assert_int_equal(outside_look(nested, NULL, true, &finding), OUTSIDE_NO);
        assert_int_equal(outside_look(nested + ELEMENTSOF(nested) - 1, NULL, true, &finding), OUTSIDE_NO);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_works_elsewhere_is_seen),
                cmocka_unit_test(what_keeps_its_work_inside_passes),
                cmocka_unit_test(an_option_that_names_the_slice_keeps_the_work_inside),
                cmocka_unit_test(the_finding_says_what_to_write),
                cmocka_unit_test(what_only_helps_may_enter_a_container),
                cmocka_unit_test(odd_words_are_read_to_their_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
