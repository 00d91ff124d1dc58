/* SPDX-License-Identifier: Apache-2.0 */
/* Commands whose work lies elsewhere, behind programs that are not known to run others, and in other languages. */
#include "outside-fixture.h"

static void what_works_elsewhere_is_seen_behind_anything(void **state) {
        static const char *const lines[] = {
                /* through what is not known to run others */
                "/opt/wait-for-it db:5432 -- docker run web",
                "op run --env-file x -- docker run web",
                "/opt/locked web /usr/bin/docker run web",
                "/opt/locked web /usr/bin/nice /usr/bin/docker run web",
                "etcdctl lock web docker run web",
                "consul lock web 'docker run web'",
                "sshpass -p x ssh localhost job",
                "npx pm2 start web.js",
                "uclampset -m 1 docker run web",
                "socat TCP-LISTEN:80 'EXEC:docker run web,pty'",
                "systemd-run --slice=web.slice -- docker run web",
                /* in other languages */
                "python3 -c 'import os; os.system(\"docker run web\")'",
                "/usr/bin/python3.11 -c 'from subprocess import *; run([\"docker\", \"run\", \"web\"])'",
                "perl -e 'exec \"docker run web\"'",
                "perl -e 'exec qw(x), `docker run web`'",
                "ruby -e 'system(\"docker\", \"run\", \"web\")'",
                "node -e 'require(\"child_process\").spawn(\"docker\", [\"run\", \"web\"])'",
                "awk 'BEGIN { system(\"docker run web\") }'",
                "expect -c 'spawn docker run web'",
                "virsh 'start web'",
                "virsh -c qemu:///system 'dominfo web; start web'",
                /* what asks PID 1 if PID 1 is not its parent */
                "sh -c '/etc/init.d/web start'",
                "bash -c 'sleep 1; /etc/rc.d/init.d/web restart'",
                "sh -c 'pg_ctlcluster 15 main start; sleep infinity'",
                "timeout 60 /etc/init.d/web start",
                "/usr/bin/flock /run/x /usr/bin/pg_ctlcluster 15 main start",
                "sudo -u web env A=b /etc/init.d/web restart",
                "sh -c 'nice /etc/init.d/web start'",
                "sh -c 'exec timeout 60 /etc/init.d/web start'",
                "timeout 60 sh -c 'exec /etc/init.d/web start'",
                "sh -c '(exec /etc/init.d/web start)'",
                "sh -c 'exec /etc/init.d/web start | logger'",
                "sh -c 'echo y | exec /etc/init.d/web start'",
                "sh -c 'exec /etc/init.d/web start & wait'",
                "sh -c 'echo $(exec /etc/init.d/web start)'",
                "sh -c 'SYSTEMCTL_SKIP_REDIRECT=1 /etc/init.d/a stop; /etc/init.d/web start'",
                "sh -c 'SYSTEMCTL_SKIP_REDIRECT=1; /etc/init.d/web start'",
                "/usr/local/bin/wrap -- /etc/init.d/web start",
                /* a script right behind its option, or behind options of the shell with values */
                "env '-Sdocker run web'",
                "env '--split-string=docker run web'",
                "bash -ec -o pipefail 'docker run web'",
                "bash -c +O extglob -o errexit 'docker run web'",
                "sh -c - 'docker run web'",
                "bash -ceuo pipefail 'docker run web'",
                "bash -c -euo pipefail 'docker run web'",
                /* more that hand work on */
                "systemctl preset --now other.service",
                "systemctl default",
                "initctl emit web",
                "sv u web",
                "pueue add -- job",
                "gitlab-ctl restart",
                "god start web",
                "bluepill web start",
                "nixos-container start web",
                "waydroid container start",
                "vzctl start 101",
                "buildah run web job",
                "docker swarm init",
                "screen -S web -X stuff job",
                "screen -S web -p 0 -X exec job",
                "fcrontab /etc/x",
                "incrontab /etc/x",
                "sh -c 'if A=b docker run web; then :; fi'",
                "sh -c 'while ! docker run web; do docker start web; done'",
                "sh -c 'command docker run web'",
                "argo -n x submit web.yaml",
                "aws --region x ecs run-task --cluster web",
                "gcloud run jobs execute web",
                "minikube kubectl -- apply -f web.yaml",
                "microk8s kubectl apply -f web.yaml",
                "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1/unit/a_2eservice "
                "org.freedesktop.systemd1.Unit ReloadOrRestart s replace",
                "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1/unit/a_2eservice "
                "org.freedesktop.systemd1.Unit EnqueueJob ss restart replace",
                "dbus-send --system --dest=org.freedesktop.DBus / org.freedesktop.DBus.StartServiceByName string:a "
                "uint32:0",
                "python3 /usr/local/bin/podman-compose up",
                "python3 -u /usr/local/bin/podman-compose -f x.yml up -d",
                "python3 -W ignore /usr/local/bin/podman-compose up",
                "python3 -m podman_compose up",
                "bash /usr/bin/lxc-start -n web",
                "bash -eu /usr/bin/lxc-start -n web",
                "perl /usr/sbin/qm start 100",
                "env python3 /usr/bin/docker-compose up",
                "perl -e 'print `docker run web`'",
                "python3 -c 'print(f\"x {os.popen(\\\"docker run web\\\")}\")'",
                "ruby -e 'puts \"#{`docker run web`}\"'",
                "awk 'BEGIN { print \"docker run web\" | \"sh\" }'",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_look(lines[i], NULL, OUTSIDE_YES);
}

static void what_only_names_such_a_command_passes(void **state) {
        static const char *const lines[] = {
                "/opt/job --log /usr/bin/docker",
                "/opt/wait-for-it db:5432 -- /opt/job",
                "sh -c '[ -x /usr/sbin/sshd -a -d /x ] || test -x /usr/bin/su -a -x /y'",
                "rsync -a /usr/bin/su /srv/su",
                "sh -c 'command -v crontab && command -V tmux'",
                "sh -c 'if [ -x /usr/bin/crontab ]; then :; fi'",
                "sh -c 'while ! pgrep tmux; do sleep 1; done'",
                "pkill -f -- docker run",
                "etcdctl put web docker",
                "podman run --cgroups=split --rm web -- /usr/bin/docker run web",
                "systemd-run --version",
                "socat TCP-LISTEN:80,fork TCP:web:80",
                "python3 -c 'print(\"docker run web\")'",
                "python3 -c 'print(f\"docker run\")'",
                "python3 -c 'print(f\"docker run {web} (again)\")'",
                "python3 -c 'print(rb\"docker run web\")'",
                "python3 -u /opt/monitor.py docker run",
                "bash /opt/monitor docker run",
                "python3 -m http.server",
                "python3 /opt/job.py 'docker run'",
                "awk '{ printf \"docker run %s\", $1 }'",
                "perl -ne 'print if /docker run/' /var/log/x",
                "virsh 'dominfo web; shutdown web'",
                "/etc/init.d/web start",
                "sh -c '/etc/init.d/web stop'",
                "nice -n 5 /etc/init.d/web start",
                "env A=b ionice -c 2 pg_ctlcluster 15 main start",
                "sh -c 'exec /etc/init.d/web start'",
                "sh -c 'cd /; exec nice /etc/init.d/web start'",
                "timeout 60 /etc/init.d/web status",
                "sh -c 'SYSTEMCTL_SKIP_REDIRECT=1 /etc/init.d/web start'",
                "sh -c 'true && exec /etc/init.d/web start'",
                "sh -c '(true); exec /etc/init.d/web start'",
                "timeout 60 pg_ctlcluster 15 main start --skip-systemctl-redirect",
                "env '-Sweb run docker'",
                "sh -c 'exec pg_ctlcluster --skip-systemctl-redirect 15 main start'",
                "pg_ctlcluster 15 main start",
                "systemctl preset other.service",
                "fcrontab -l",
                "yarn start",
                "aws s3 cp x y",
                "busctl call org.example / org.example.Job Restart",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_look(lines[i], NULL, OUTSIDE_NO);
}

/* A script's own variables stand for what the script has set them to. */
static void what_a_script_sets_itself_is_put_in(void **state) {
        static const struct {
                const char *line;
                Outside expected;
        } cases[] = {
                { "sh -c 'e=docker; $e run x'", OUTSIDE_YES },
                { "sh -c 'e=docker; ${e} run x'", OUTSIDE_YES },
                { "sh -c 'e=/usr/bin/docker && exec \"$e\" run x'", OUTSIDE_YES },
                { "sh -c 'e=dock; ${e}er run x'", OUTSIDE_YES },
                { "sh -c 'CMD=\"docker run\"; $CMD web'", OUTSIDE_YES },
                { "sh -c 'CMD=\"docker run web\"; eval \"$CMD\"'", OUTSIDE_YES },
                { "sh -c 'v=run; docker $v web'", OUTSIDE_YES },
                { "bash -c 'export e=docker; $e run x'", OUTSIDE_YES },
                { "bash -c 'f() { local e=docker; $e run x; }; f'", OUTSIDE_YES },
                { "sh -c 'e=docker; $$e run x; $${e} run x'", OUTSIDE_YES },
                { "sh -c 'e=a; e=docker; e=a; e=docker; $e run x'", OUTSIDE_YES },
                { "sh -c 'a=\"x a=y b\"; a=$a$a; $a $a'", OUTSIDE_NO },
                { "sh -c 'set -- docker run x; \"$@\"'", OUTSIDE_YES },
                { "sh -c '${ENGINE:-docker} run x'", OUTSIDE_YES },
                { "sh -c '\"${ENGINE:-/usr/bin/docker}\" run x'", OUTSIDE_YES },
                { "sh -c 'a=docker; b=$a; $b run x'", OUTSIDE_YES },
                { "sh -c '$(which docker) run x'", OUTSIDE_YES },
                { "sh -c 'e=`command -v docker`; $e run x'", OUTSIDE_YES },
                { "sh -c 'for e in docker podman; do $e run x; done'", OUTSIDE_YES },
                { "env e=docker sh -c '$e run x'", OUTSIDE_YES },
                { "sh -c 'exec \"$@\"' sh docker run x", OUTSIDE_YES },
                { "sh -c '\"$0\" \"$@\"' docker run x", OUTSIDE_YES },
                { "sh -c '$1 run x' sh docker", OUTSIDE_YES },
                { "sh -c 'O=--cgroup-parent=web.slice; docker run $O x'", OUTSIDE_NO },
                { "sh -c 'e=podman; o=--cgroups=split; $e run $o x'", OUTSIDE_NO },
                { "sh -c 'e=docker; echo $e run x'", OUTSIDE_NO },
                { "sh -c 'e=docker; $e stop x'", OUTSIDE_NO },
                { "sh -c 'e=\"docker run\"; \"$e\" x'", OUTSIDE_NO },
                { "sh -c '$e run x'", OUTSIDE_NO },
                { "sh -c 'sleep 1' sh docker run x", OUTSIDE_NO },
                { "sh -c 'e=$e$e$e; e=$e$e$e; e=x$e; $e run'", OUTSIDE_NO },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_look(cases[i].line, "web.slice", cases[i].expected);
}

/* Each variable may double the text: reading it has an end all the same. */
static void variables_that_grow_have_an_end(void **state) {
        char script[4096] = "a=docker;";
        char *words[] = { (char *) "sh", (char *) "-c", script, NULL };
        OutsideFinding finding = {};

        for (size_t i = 0; i < 60; i++)
                (void) strncat(script, "a=$a$a$a$a;", sizeof(script) - strlen(script) - 1);
        (void) strncat(script, "docker run x", sizeof(script) - strlen(script) - 1);
        assert_int_equal(outside_look(words, NULL, true, &finding), OUTSIDE_YES);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_works_elsewhere_is_seen_behind_anything),
                cmocka_unit_test(what_only_names_such_a_command_passes),
                cmocka_unit_test(what_a_script_sets_itself_is_put_in),
                cmocka_unit_test(variables_that_grow_have_an_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
