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
                "python3 -m http.server",
                "python3 /opt/job.py 'docker run'",
                "awk '{ printf \"docker run %s\", $1 }'",
                "perl -ne 'print if /docker run/' /var/log/x",
                "virsh 'dominfo web; shutdown web'",
                "/etc/init.d/web start",
                "sh -c '/etc/init.d/web stop'",
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_works_elsewhere_is_seen_behind_anything),
                cmocka_unit_test(what_only_names_such_a_command_passes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
