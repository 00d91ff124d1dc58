/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside.h"

#include <stdio.h>

#include "conf/argv.h"
#include "conf/outside-cluster.h"
#include "conf/outside-engine.h"
#include "conf/outside-login.h"
#include "conf/outside-lxc.h"
#include "conf/outside-say.h"
#include "conf/outside-ssh.h"
#include "conf/outside-verb.h"

#define OF_DOCKER "-c --context -H --host --config -l --log-level --tlscacert --tlscert --tlskey"
#define OF_PODMAN                                                                                                     \
        "-c --connection --log-level --runtime --storage-driver --root --runroot --storage-opt --cgroup-manager "     \
        "--conmon "                                                                                                   \
        "--config --events-backend --hooks-dir --identity --imagestore --module --namespace --network-cmd-path "      \
        "--network-config-dir --runtime-flag --ssh --tmpdir --transient-store --url --volumepath --out"
#define OF_COMPOSE "-f --file -p --project-name -H --host -c --context --env-file --profile --project-directory"
#define COMPOSE "up start run restart create scale watch unpause"

#define PODMAN_CHECKED "run create container:run container:create pod:create"
#define PODMAN_UNSEEN                                                                                                 \
        "start restart unpause container:start container:restart container:unpause container:restore "                \
        "container:clone container:runlabel pod:start pod:restart pod:unpause pod:clone kube:play play:kube "         \
        "compose:up compose:start compose:run compose:restart system:service machine:start"

#define DOCKER_CHECKED "run create container:run container:create"
#define DOCKER_UNSEEN                                                                                                 \
        "start restart unpause container:start container:restart container:unpause "                                  \
        "compose:up compose:start compose:run compose:restart compose:create compose:scale "                          \
        "compose:watch compose:unpause stack:deploy stack:up service:create service:scale "                           \
        "service:update service:rollback swarm:init swarm:join plugin:enable"
#define DOCKER_ENTERED "exec container:exec compose:exec"

#define OF_NERDCTL "-a --address -H --host -n --namespace --snapshotter --cgroup-manager --data-root"
#define NERDCTL_UNSEEN                                                                                                \
        "start restart unpause container:start container:restart container:unpause "                                  \
        "compose:up compose:start compose:run compose:restart compose:create compose:unpause"

#define OF_RUNC "--log --log-format --root --criu --rootless --cgroup-manager"
#define RUNC "run create start restore"

static const OutsideProgram programs[] = {
        { "docker", DOCKER_CHECKED, DOCKER_UNSEEN, DOCKER_ENTERED, OF_DOCKER, "--cgroup-parent" },
        { "balena", DOCKER_CHECKED, DOCKER_UNSEEN, DOCKER_ENTERED, OF_DOCKER, "--cgroup-parent" },
        { "balena-engine", DOCKER_CHECKED, DOCKER_UNSEEN, DOCKER_ENTERED, OF_DOCKER, "--cgroup-parent" },
        { "podman", PODMAN_CHECKED, PODMAN_UNSEEN, "exec container:exec", OF_PODMAN, "--cgroup-parent" },
        { "podman-remote", PODMAN_CHECKED, PODMAN_UNSEEN, "exec container:exec", OF_PODMAN, "--cgroup-parent" },
        { "nerdctl", DOCKER_CHECKED, NERDCTL_UNSEEN, "exec container:exec", OF_NERDCTL, "--cgroup-parent" },
        { "finch", DOCKER_CHECKED, NERDCTL_UNSEEN, "exec container:exec", OF_NERDCTL, "--cgroup-parent" },
        { "ctr", "run container:create containers:create c:create",
                        "task:start tasks:start t:start task:resume tasks:resume t:resume",
                        "task:exec tasks:exec t:exec", "-a --address -n --namespace --timeout --connect-timeout",
                        "--cgroup" },
        { "runc", NULL, RUNC, "exec", OF_RUNC, NULL },
        { "crun", NULL, RUNC, "exec", OF_RUNC, NULL },
        { "youki", NULL, RUNC, "exec", OF_RUNC, NULL },
        { "runsc", NULL, RUNC, "exec", OF_RUNC, NULL },
        { "buildah", NULL, "run", NULL, "--root --runroot --storage-driver --storage-opt --log-level", NULL },
        { "crictl", NULL, "run runp start create", "exec", "-c --config -r --runtime-endpoint -t --timeout", NULL },
        { "docker-compose", NULL, COMPOSE, "exec", OF_COMPOSE, NULL },
        { "podman-compose", NULL, COMPOSE, "exec", OF_COMPOSE, NULL },
        { "podman_compose", NULL, COMPOSE, "exec", OF_COMPOSE, NULL },
        { "machinectl", NULL, "start reboot shell login", "", "-H -M -p -n -o", NULL },
        { "virsh", NULL, "start create restore resume migrate snapshot-revert autostart", "", "-c --connect", NULL },
        { "lxc", NULL, "start launch restart", "exec shell", "", NULL },
        { "incus", NULL, "start launch restart resume", "exec shell", "", NULL },
        { "apptainer", NULL, "instance:start instance:run", "", "", NULL },
        { "singularity", NULL, "instance:start instance:run", "", "", NULL },
        { "distrobox", NULL, "enter create assemble:create", "", "", NULL },
        { "toolbox", NULL, "run enter create", "", "", NULL },
        { "minikube", NULL, "start", "", "-p --profile", NULL },
        { "kind", NULL, "create:cluster", "", "", NULL },
        { "k3d", NULL, "cluster:create cluster:start", "", "", NULL },
        { "microk8s", NULL, "start", "", "", NULL },
        { "colima", NULL, "start restart", "", "-p --profile", NULL },
        { "limactl", NULL, "start restart", "shell", "", NULL },
        { "vmrun", NULL, "start unpause", "", "-T -h -P -u -p", NULL },
        { "xe", NULL, "vm-start vm-resume vm-unpause vm-reboot", "", "-s -u -pw -pwf -p", NULL },
        { "snap", NULL, "start restart", "", "", NULL },
        { "vagrant", NULL, "up resume reload", "", "", NULL },
        { "multipass", NULL, "start launch restart", "exec shell", "", NULL },
        { "xl", NULL, "create restore unpause", "", "", NULL },
        { "xm", NULL, "create start restore unpause", "", "", NULL },
        { "qm", NULL, "start resume reboot", "", "", NULL },
        { "pct", NULL, "start resume reboot", "exec enter", "", NULL },
        { "vzctl", NULL, "start restart resume restore", "exec enter", "", NULL },
        { "prlctl", NULL, "start restart resume", "exec enter", "", NULL },
        { "nixos-container", NULL, "start restart", "run root-login login", "", NULL },
        { "waydroid", NULL, "container:start container:restart session:start app:launch", "", "", NULL },
        { "VBoxManage", NULL, "startvm", "", "", NULL },
        { "vboxmanage", NULL, "startvm", "", "", NULL },
        { "systemctl", NULL, "start restart reload-or-restart isolate default", "", "-H -M -t -p -s -o -n -P", NULL },
        { "service", NULL, "*:start *:restart *:reload-or-restart", "", "", NULL },
        { "invoke-rc.d", NULL, "*:start *:restart", "", "", NULL },
        { "rc-service", NULL, "*:start *:restart", "", "", NULL },
        { "deb-systemd-invoke", NULL, "start restart", "", "", NULL },
        { "initctl", NULL, "start restart emit", "", "", NULL },
        { "sv", NULL, "start restart up once u o", "", "-w", NULL },
        { "dinitctl", NULL, "start restart wake", "", "-p --socket-path", NULL },
        { "pm2", NULL, "start restart reload resurrect scale startOrRestart startOrReload", "", "", NULL },
        { "circusctl", NULL, "start restart add", "", "", NULL },
        { "supervisorctl", NULL, "start restart update reload add", "", "-c -s -u -p", NULL },
        { "god", NULL, "start restart load", "", "-p --port", NULL },
        { "eye", NULL, "start restart load", "", "", NULL },
        { "bluepill", NULL, "*:start *:restart load", "", "", NULL },
        { "immortalctl", NULL, "start restart once", "", "", NULL },
        { "gitlab-ctl", NULL, "start restart once reconfigure", "", "", NULL },
        { "pueue", NULL, "add start restart enqueue", "", "", NULL },
        { "monit", NULL, "start restart", "", "-c -d -g -l -p -s", NULL },
        { "portablectl", NULL, "attach reattach", "", "-p -H -M", NULL },
        { "flatpak", NULL, "run", "enter", "", NULL },
        { "cset", NULL, "proc shield", "", "", NULL },
};

/* ---- programs of verbs ---- */

/* Options of "run" and "create" that have no value. */
#define SWITCHES                                                                                                      \
        "--allow-new-privs --cni --detach --disable-content-trust --enable-cni --env-host --help --http-proxy "       \
        "--init "                                                                                                     \
        "--interactive --isolated --net-host --no-healthcheck --no-hostname --no-hosts --no-pivot --null-io "         \
        "--oom-kill-disable --passwd --privileged --publish-all --quiet --read-only --read-only-tmpfs --replace "     \
        "--rm --rmi --rootfs --seccomp --sig-proxy --tls-verify --tty --unsetenv-all --use-api-socket"

/* Gives where the options of "run" and "create" end, which is at the image. An option that is not known is taken for
 * one with a value: where that is wrong, a few words of the container's own command are looked at too. */
static char *const *image_of(char *const *a) {
        for (; *a && (argv_is_option(*a) || **a == '$'); a++) /* a variable may hold any number of options */
                if (startswith(*a, "--") ? !strchr(*a, '=') && !argv_list_has(SWITCHES, *a) && a[1]
                                         : argv_after_option(a, "-a -c -e -h -l -m -p -u -v -w") > a + 1)
                        a++;
        return a;
}

static const char *how_of(const char *name, const char *verb) {
        if (startswith(verb, "kube") || startswith(verb, "play"))
                return "it has no option for that: podman run --cgroups=split has";
        if (startswith(verb, "compose") || endswith(name, "compose") || startswith(verb, "stack") ||
                        startswith(verb, "service"))
                return "cgroup_parent: of each service";
        if (streq(name, "runc") || streq(name, "crun"))
                return "cgroupsPath in its config.json";
        if (streq(name, "virsh"))
                return "<partition> of the domain's <resource>";
        if (streq(name, "machinectl"))
                return streq(verb, "start") ? "Slice= of systemd-nspawn@.service, or lease "
                                              "systemd-nspawn@NAME.service itself"
                                            : "Slice= of systemd-nspawn@.service";
        if (streq(name, "systemctl") || streq(name, "service") || streq(name, "invoke-rc.d") ||
                        streq(name, "rc-service") || streq(name, "deb-systemd-invoke") || streq(name, "snap"))
                return "Slice= of that unit, or lease a target with both bound to it";
        if (streq(name, "portablectl"))
                return "Slice= of its units";
        if (streq(name, "docker") || streq(name, "podman") || streq(name, "nerdctl") || streq(name, "ctr"))
                return "--cgroup-parent= when it is created";
        return "as its own settings have it";
}

/* Where the words of a command line lie: in front of begin there are the options of the program and its verb, from
 * there to end those of the verb. */
typedef struct Range {
        char *const *begin, *const *end;
} Range;

static bool is_remote(char *const *a, char *const *end) {
        return argv_has(a, end, "--remote") || argv_has(a, end, "-r") || argv_has(a, end, "--remote=true") ||
               argv_value(a, end, "--url") || argv_value(a, end, "--connection") || argv_has(a, end, "-c");
}

/* With --cgroups=split or disabled (and without a service of podman, which would start it), the processes of podman
 * and of the container stay in the control group in which podman was started; those of crun do so without a manager of
 * control groups. */
static bool stays(const char *name, char *const *argv, const Range *of_verb) {
        const char *cgroups = NULL;

        if (streq(name, "crun"))
                cgroups = argv_has(argv + 1, of_verb->begin, "--systemd-cgroup")
                                          ? NULL
                                          : argv_value(argv + 1, of_verb->begin, "--cgroup-manager");
        else if (streq(name, "podman") && !is_remote(argv + 1, of_verb->begin))
                cgroups = argv_value(of_verb->begin, of_verb->end, "--cgroups");
        return cgroups && (streq(cgroups, "disabled") || (streq(name, "podman") && streq(cgroups, "split")));
}

/* Whether a policy is given by which the engine starts the container again. Such a container comes back after the kill
 * by the guard, which the engine takes for a crash: in the slice only if the engine asks PID 1 for it. */
static bool starts_again(const OutsideProgram *p, const char *verb, const Range *of_verb) {
        const char *policy = argv_value(of_verb->begin, of_verb->end, "--restart");

        return p->checked && policy && !streq(policy, "no") && !argv_list_has(p->entered, verb);
}

static Outside say_elsewhere(OutsideFinding *f) {
        return outside_say(f, "it asks an engine that another machine may have, where no lease of this one ends what "
                              "it starts; start it here");
}

static Outside look_at_verb(
                const OutsideProgram *p, char *const *argv, const char *slice, bool starting, OutsideFinding *f) {
        Range of_verb = {};
        const char *given;
        char verb[64], with[80];
        bool two;

        of_verb.begin = outside_verb_find(p, argv, verb, sizeof(verb));
        if (argv_list_has(p->checked, verb))
                of_verb.end = image_of(of_verb.begin);
        given = p->option ? argv_value(of_verb.begin, of_verb.end, p->option) : NULL;
        outside_say_what(f, p->name, verb);
        if ((streq(p->name, "systemctl") || streq(p->name, "machinectl")) &&
                        (streq(verb, "enable") || streq(verb, "reenable") || streq(verb, "preset")) &&
                        argv_has(argv + 1, NULL, "--now"))
                return outside_say_laid_down(f, slice, how_of(p->name, verb));
        if (streq(p->name, "portablectl") && !argv_has(argv + 1, NULL, "--now"))
                return OUTSIDE_NO;
        if ((argv_list_has("kube:play play:kube", verb) && argv_has(argv + 1, NULL, "--down")) ||
                        (streq(verb, "autostart") && argv_has(argv + 1, NULL, "--disable")))
                return OUTSIDE_NO;
        if (starts_again(p, verb, &of_verb)) {
                (void) snprintf(with, sizeof(with), "%s --restart", verb);
                outside_say_what(f, p->name, with);
                return outside_say(f, "leave it out: the engine starts the container again by itself after a kill; "
                                      "Restart= in [Service] does it under the lease");
        }
        if ((outside_verb_is_known(p, verb) || verb[0] == '$') &&
                        outside_engine_is_elsewhere(p->name, argv, of_verb.begin, p->valued))
                return say_elsewhere(f);
        two = p->unseen && strstr(p->unseen, "*:"); /* the name of a service stands before the verb */
        if (argv_list_has(p->checked, verb)) {
                if (stays(p->name, argv, &of_verb) || outside_lies_in(slice, given))
                        return OUTSIDE_NO;
                return outside_say_slice(f, slice, p->option, given,
                                streq(p->name, "podman") && !startswith(verb, "pod:")
                                                ? ", or --cgroups=split and Delegate=yes"
                                                : "");
        }
        if (argv_list_has(p->entered, verb) && starting && !slice)
                return outside_say_laid_down(f, slice, "as what it enters does");
        if (streq(p->name, "crun") && argv_list_has(p->unseen, verb) && stays(p->name, argv, &of_verb))
                return OUTSIDE_NO;
        if (streq(p->name, "crun") && argv_list_has(p->unseen, verb) && !slice)
                return outside_say(f,
                                "write --cgroup-manager=disabled behind crun, or Slice=NAME.slice in [X-Leased] and "
                                "have it run there (cgroupsPath in its config.json)");
        if (argv_list_has(p->unseen, verb) || (two && (streq(verb, "start") || streq(verb, "restart"))))
                return outside_lies_in(slice, given) ? OUTSIDE_NO
                                                     : outside_say_laid_down(f, slice, how_of(p->name, verb));
        /* "docker $ARGUMENTS": PID 1 replaces the variable by words that may be anything. */
        if (verb[0] == '$' && (p->checked || streq(p->name, "machinectl")))
                return outside_say_laid_down(f, slice, how_of(p->name, verb));
        return OUTSIDE_NO;
}

/* ---- programs of their own ---- */

#define OF_SYSTEMD_RUN                                                                                                \
        "-p --property -u --unit -E --setenv -M --machine -H --host -C --capsule --slice --description --uid --gid "  \
        "--nice --working-directory --service-type --on-active --on-boot --on-startup --on-unit-active "              \
        "--on-unit-inactive --on-calendar --path-property --socket-property --timer-property --job-mode "             \
        "--background --area"

static Outside look_at_systemd_run(const char *name, char *const *argv, const char *slice, OutsideFinding *f) {
        char *const *end = argv_options_end(argv + 1, OF_SYSTEMD_RUN);
        bool elsewhere = false, inherits = false;
        const char *given = NULL;

        for (char *const *a = argv + 1; a < end; a = argv_after_option(a, OF_SYSTEMD_RUN)) {
                const char *slice_option = argv_option_value(a, '\0', "--slice", OF_SYSTEMD_RUN);
                const char *property = argv_option_value(a, 'p', "--property", OF_SYSTEMD_RUN);

                if (slice_option)
                        given = slice_option;
                else if (property && startswith(property, "Slice="))
                        given = property + strlen("Slice=");
                inherits = inherits || streq(*a, "--slice-inherit");
                elsewhere = elsewhere || argv_option_value(a, 'M', "--machine", OF_SYSTEMD_RUN) ||
                            argv_option_value(a, 'H', "--host", OF_SYSTEMD_RUN) || streq(*a, "--user") ||
                            (property && startswith(property, "PAMName="));
        }
        outside_say_what(f, name, NULL);
        if (outside_asks_for_help(argv))
                return OUTSIDE_NO;
        if (streq(name, "run0")) /* its unit has PAMName= */
                return outside_say(
                                f, "it opens a session, whose processes logind takes away; write User= in [Service]");
        if (elsewhere)
                return outside_say(f, "start the program itself, with User= in [Service]");
        if (inherits && given) /* within the slice of the caller: --slice=web.slice means system-web.slice */
                return outside_say(f, "leave --slice-inherit out, or start the program itself");
        if (outside_lies_in(slice, given))
                return OUTSIDE_NO;
        return outside_say_slice(f, slice, "--slice", given, ", or start the program itself");
}

#define OF_NSPAWN                                                                                                     \
        "-D --directory --template -i --image --image-policy --image-format --oci-bundle --root-hash "                \
        "--root-hash-sig --verity-data --pivot-root -M --machine --hostname --uuid -S --slice -p "                    \
        "--port --property -u --user --uid --kill-signal --notify-ready --suppress-sync "                             \
        "--private-users-ownership --private-users-delegate --network-interface --network-macvlan "                   \
        "--network-ipvlan --network-veth-extra --network-bridge --network-zone "                                      \
        "--network-namespace-path -Z --selinux-context -L --selinux-apparmor-context --rlimit "                       \
        "--oom-score-adjust --cpu-affinity --personality --capability --drop-capability "                             \
        "--ambient-capability --no-new-privileges --system-call-filter --resolv-conf --timezone "                     \
        "--link-journal --bind --bind-ro --inaccessible --tmpfs --overlay --overlay-ro --bind-user "                  \
        "--bind-user-shell --bind-user-group -E --setenv --console --background --load-credential "                   \
        "--set-credential --settings --register --chdir --extra-drive --cpus --ram --kvm --vsock "                    \
        "--vsock-cid --tpm --tpm-state --linux --initrd --firmware --discard-disk --secure-boot "                     \
        "--ssh-key-type --forward-journal --pass-ssh-key --grow-image --smbios11"

static Outside look_at_nspawn(const char *name, char *const *argv, const char *slice, OutsideFinding *f) {
        char *const *end = argv_options_end(argv + 1, OF_NSPAWN);
        const char *given = argv_value(argv + 1, end, "--slice") ?: argv_value(argv + 1, end, "-S");

        outside_say_what(f, name, NULL);
        for (char *const *a = argv + 1; a < end; a++)
                if (streq(*a, "--keep-unit") || streq(*a, "--cleanup"))
                        return OUTSIDE_NO;
        if (outside_asks_for_help(argv) || outside_lies_in(slice, given))
                return OUTSIDE_NO;
        if (!given) {
                (void) snprintf(f->mend, sizeof(f->mend), "write --keep-unit behind %s", name);
                return OUTSIDE_YES;
        }
        return outside_say_slice(f, slice, "--slice", given, ", or --keep-unit in its place");
}

/* sshd runs the command in a session. On another machine the command may well be the work that this unit is for; it is
 * not known whether it ends with ssh. */
static Outside look_at_ssh(const char *name, char *const *argv, OutsideFinding *f) {
        if (!outside_ssh_runs_here(argv))
                return OUTSIDE_NO;
        outside_say_what(f, name, "to this machine");
        return outside_say(f,
                        "sshd runs it in a session, whose processes logind takes away; start the program itself, with "
                        "User= in [Service]");
}

/* An application of a snap is put into a scope of its own. A service of one is not: its unit has the same words, and
 * is not asked about (ctl/outside.c). */
static bool is_of_snap(const char *path) {
        return startswith(path, "/snap/bin/") || startswith(path, "/var/lib/snapd/snap/bin/");
}

static Outside look_at_snap(const char *path, OutsideFinding *f) {
        if (is_of_snap(path))
                str_copy(f->what, sizeof(f->what), path);
        else
                outside_say_what(f, "snap", "run");
        return outside_say(f, "snapd puts it into a scope of its own; lease the unit of a service of the snap "
                              "(snap.NAME.APP.service), or start the program itself");
}

/* Whether a word of a call on the bus names a method that starts something. Short names such as "Start" are such only
 * on an object of PID 1. */
static bool starts_something(const char *word, bool of_pid1) {
        static const char *const methods[] = { "StartUnit", "StartTransient", "StartUnitWithFlags", "StartUnitReplace",
                "RestartUnit", "TryRestartUnit", "ReloadOrRestartUnit", "ReloadOrTryRestartUnit", "EnqueueUnitJob",
                "EnqueueMarkedJobs", "StartTransientUnit", "AttachProcessesToUnit", "StartAuxiliaryScope",
                "OpenMachineShell", "OpenMachineLogin", "CreateSession", "StartWithFlags", "StartServiceByName" };
        static const char *const of_units[] = { "Start", "Restart", "TryRestart", "ReloadOrRestart",
                "ReloadOrTryRestart", "EnqueueJob" };
        const char *dot = strrchr(word, '.'), *method = dot ? dot + 1 : word;

        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq(method, methods[i]))
                        return true;
        for (size_t i = 0; of_pid1 && i < ELEMENTSOF(of_units); i++)
                if (streq(method, of_units[i]))
                        return true;
        return false;
}

static Outside look_at_bus_call(const char *name, char *const *argv, const char *slice, OutsideFinding *f) {
        bool of_pid1 = false;

        for (char *const *a = argv + 1; *a; a++) {
                const char *dot = strrchr(*a, '.');

                of_pid1 = of_pid1 || startswith(*a, "org.freedesktop.systemd1.Unit") ||
                          startswith(*a, "io.systemd.Unit.");
                if (starts_something(*a, of_pid1)) {
                        outside_say_what(f, name, dot ? dot + 1 : *a);
                        return outside_say_laid_down(f, slice, "Slice= of that unit");
                }
        }
        return OUTSIDE_NO;
}

/* One server of tmux serves all sessions of a user, and starts what runs in them. */
static Outside look_at_tmux(char *const *argv, OutsideFinding *f) {
        static const char inside[] = "attach attach-session a kill-server kill-session kill-window kill-pane ls "
                                     "list-sessions has has-session detach detach-client display capture-pane";
        char *const *end = argv_options_end(argv + 1, "-c -f -T -L -S");

        for (char *const *a = argv + 1; a < end; a++)
                if (startswith(*a, "-L") || startswith(*a, "-S") || startswith(*a, "-V"))
                        return OUTSIDE_NO;
        if (*end && argv_list_has(inside, *end))
                return OUTSIDE_NO;
        outside_say_what(f, "tmux", *end);
        return outside_say(f, "it runs in the server that this user has already, if there is one: write -L NAME "
                              "behind tmux, "
                              "for a server of its own, or start the program itself");
}

/* With -X, screen gives a command to a server that runs already, and that starts what runs in its windows. So does
 * emacsclient. */
static Outside look_at_server_of_user(const char *name, char *const *argv, OutsideFinding *f) {
        static const char starting[] = "stuff screen exec eval paste readreg register source";
        const char *verb = streq(name, "screen") ? argv_value(argv + 1, NULL, "-X") ?: "" : NULL;

        if (verb ? !argv_list_has(starting, verb) : outside_asks_for_help(argv))
                return OUTSIDE_NO;
        outside_say_what(f, name, verb);
        return outside_say(f, "it runs in one that is there already, in the control group of that: start the program "
                              "itself");
}

static Outside look_at_lxc(char *const *argv, const char *slice, OutsideFinding *f) {
        LxcPlace place = outside_lxc_place(argv, slice);
        char group[200];

        if (place == LXC_PLACE_UNIT || place == LXC_PLACE_SLICE)
                return OUTSIDE_NO;
        if (slice)
                (void) snprintf(f->mend, sizeof(f->mend),
                                "write -s lxc.cgroup.dir=%s behind %s, or -s lxc.cgroup.relative=1 and Delegate=yes",
                                outside_lxc_group(slice, group, sizeof(group)), f->what);
        else
                (void) snprintf(f->mend, sizeof(f->mend), "write -s lxc.cgroup.relative=1 behind %s, and Delegate=yes",
                                f->what);
        return slice && place == LXC_PLACE_UNSAID ? OUTSIDE_UNSEEN : OUTSIDE_YES;
}

/* Programs that make a control group of its own for each container, machine or job that they run, wherever their
 * settings say; none of these is below that of the engine's unit. */
static bool is_engine(const char *name, char *const *argv) {
        static const char *const engines[] = { "dockerd", "balenad", "containerd", "buildkitd", "crio", "kubelet",
                "k3s", "k0s", "rke2", "libvirtd", "virtqemud", "virtlxcd", "virtxend", "virtchd", "lxd", "incusd",
                "slurmd", "condor_master" };

        for (size_t i = 0; i < ELEMENTSOF(engines); i++)
                if (streq(name, engines[i]))
                        return true;
        return streq(name, "nomad") && argv[1] && streq(argv[1], "agent");
}

static Outside look_at_engine(const char *name, char *const *argv, const char *slice, OutsideFinding *f) {
        const char *given = argv_value(argv + 1, NULL, "--cgroup-parent");

        outside_say_what(f, name, NULL);
        if (outside_asks_for_help(argv) || (argv[1] && streq(argv[1], "-v")))
                return OUTSIDE_NO;
        if (!streq(name, "dockerd"))
                return outside_say_laid_down(f, slice, "as its own settings have it");
        return outside_lies_in(slice, given) ? OUTSIDE_NO : outside_say_slice(f, slice, "--cgroup-parent", given, "");
}

static bool has_letter_of(char *const *argv, const char *letters) {
        for (char *const *a = argv + 1; *a; a++)
                for (const char *c = letters; *c; c++)
                        if (argv_has_letter(*a, *c, NULL))
                                return true;
        return false;
}

/* A service of daemontools or s6 is a child of its supervisor, which was started long before. */
static bool is_supervised(const char *name, char *const *argv) {
        if (streq(name, "s6-rc"))
                return argv_has(argv + 1, NULL, "change") && has_letter_of(argv, "u");
        return (streq(name, "s6-svc") || streq(name, "svc")) && has_letter_of(argv, "uor");
}

#define OF_NSENTER "-t --target -S --setuid -G --setgid --wdns"

/* Whether the program runs what follows in a control group of another process, or in one of its own. */
static bool joins_a_group(const char *name, char *const *argv) {
        char *const *end = argv_options_end(argv + 1, OF_NSENTER);

        if (streq(name, "jailer"))
                return argv_value(argv + 1, NULL, "--cgroup") || argv_value(argv + 1, NULL, "--parent-cgroup");
        for (char *const *a = argv + 1; streq(name, "nsenter") && a < end; a++)
                if (streq(*a, "--join-cgroup") ||
                                ((*a)[0] == '-' && (*a)[1] != '-' && !strchr(*a, '/') && strchr(*a, 'c')))
                        return true;
        return false;
}

/* Whether what is written to a file moves processes into a control group, other than one of the slice. */
static bool moves_processes(const char *path, const char *slice) {
        const char *name = base_name(path);
        char group[512];

        if (!streq(name, "cgroup.procs") && !streq(name, "cgroup.threads") &&
                        !(streq(name, "tasks") && strstr(path, "cgroup")))
                return false;
        str_copy(group, sizeof(group), path);
        for (char *last = strrchr(group, '/'); last; last = strrchr(group, '/')) {
                *last = '\0';
                if (outside_lies_in(slice, group))
                        return false;
        }
        return true;
}

/* Looks at what writes to the files that its words name. */
static Outside look_at_write(const char *name, char *const *argv, const char *slice, OutsideFinding *f) {
        for (char *const *a = argv + 1; *a; a++) {
                const char *path = streq(name, "dd") && startswith(*a, "of=") ? *a + strlen("of=") : *a;

                if ((streq(name, "dd") && path == *a) || !moves_processes(path, slice))
                        continue;
                outside_say_what(f, name, base_name(path));
                return outside_say(f, "start the program itself: it leaves the unit's control group");
        }
        return OUTSIDE_NO;
}

/* Whether the program is at(1) or batch(1). A program of one's own may well be called like that. */
static bool is_at(const char *path) {
        return streq(path, "at") || streq(path, "batch") || streq(path, "/usr/bin/at") || streq(path, "/bin/at") ||
               streq(path, "/usr/bin/batch") || streq(path, "/bin/batch");
}

/* Whether the words behind at(1) and batch(1) say when to run the job, or where it is. */
static bool says_when(char *const *argv) {
        static const char *const whens[] = { "now", "noon", "midnight", "teatime", "today", "tomorrow" };
        bool is_batch = streq(base_name(argv[0]), "batch");
        char *const *when = argv_options_end(argv + 1, "-q -f -t");

        for (char *const *a = argv + 1; a < when; a++)
                if (argv_has_letter(*a, 'f', "-q") || (!is_batch && argv_has_letter(*a, 't', "-q -f")))
                        return true;
        for (size_t i = 0; !is_batch && *when && i < ELEMENTSOF(whens); i++)
                if (streq(*when, whens[i]))
                        return true;
        return !is_batch && *when && (*when)[0] >= '0' && (*when)[0] <= '9';
}

bool outside_may_be_argument(char *const *word, bool begun) {
        const char *name = base_name(*word);

        if (is_at(*word))
                return !says_when(word);
        if (!is_engine(name, word) && !outside_login_is_daemon(name))
                return false;
        return name == *word ? begun : !strstr(*word, "bin/") && !strstr(*word, "/libexec/");
}

Outside outside_look_at_program(char *const *argv, const char *slice, bool starting, OutsideFinding *f) {
        const char *name = base_name(argv[0]);

        if (is_of_snap(argv[0]) || (streq(name, "snap") && argv[1] && streq(argv[1], "run")))
                return look_at_snap(argv[0], f);
        if (outside_engine_look_at_call(name, argv, slice, f) != OUTSIDE_NO)
                return slice ? OUTSIDE_UNSEEN : OUTSIDE_YES;
        for (size_t i = 0; i < ELEMENTSOF(programs); i++)
                if (streq(name, programs[i].name))
                        return look_at_verb(programs + i, argv, slice, starting, f);
        if (streq(name, "systemd-run") || streq(name, "run0"))
                return look_at_systemd_run(name, argv, slice, f);
        if (streq(name, "systemd-nspawn") || streq(name, "systemd-vmspawn"))
                return look_at_nspawn(name, argv, slice, f);
        if (outside_login_is_one(name))
                return outside_login_look(name, argv, f);
        if (argv_list_has("ssh slogin autossh dbclient", name))
                return look_at_ssh(name, argv, f);
        if (streq(name, "busctl") || streq(name, "dbus-send") || streq(name, "gdbus") || startswith(name, "qdbus") ||
                        streq(name, "varlinkctl"))
                return look_at_bus_call(name, argv, slice, f);
        if (streq(name, "tmux") || streq(name, "byobu"))
                return look_at_tmux(argv, f);
        if (starting && argv_list_has("screen emacsclient", name))
                return look_at_server_of_user(name, argv, f);
        if (streq(name, OUTSIDE_WRITE) || streq(name, "tee") || streq(name, "dd"))
                return look_at_write(name, argv, slice, f);
        if (starting && is_engine(name, argv))
                return look_at_engine(name, argv, slice, f);
        if (starting && outside_login_is_daemon(name))
                return outside_login_look_at_daemon(name, argv, f);
        outside_say_what(f, name, "");
        if (streq(name, "lxc-start") || streq(name, "lxc-execute"))
                return look_at_lxc(argv, slice, f);
        if (streq(name, "lxc-autostart") || streq(name, "lxc-unfreeze") ||
                        (starting && !slice && streq(name, "lxc-attach")))
                return outside_say_laid_down(f, slice, "lxc.cgroup.dir");
        if (is_at(argv[0]))
                return outside_say(f, "it hands the job to atd; start it here, and lease a timer if it has to wait");
        if ((streq(name, "crontab") || streq(name, "fcrontab") || streq(name, "incrontab")) &&
                        !argv_has(argv + 1, NULL, "-l") && !argv_has(argv + 1, NULL, "-r"))
                return outside_say(f, "it hands the job to cron; start it here, and lease a timer if it has to wait");
        if (streq(name, "virt-install") && !outside_asks_for_help(argv))
                return outside_engine_is_elsewhere(name, argv, NULL, "")
                                       ? say_elsewhere(f)
                                       : outside_say_laid_down(f, slice, how_of("virsh", ""));
        if (is_supervised(name, argv))
                return outside_say_laid_down(f, slice, "as its supervisor does");
        if (streq(name, "cgexec") || streq(name, "cgclassify") || joins_a_group(name, argv))
                return outside_say(f, "start the program itself: it leaves the unit's control group");
        if (streq(name, "loginctl") && argv[1] && argv_has(argv + 1, NULL, "enable-linger")) {
                outside_say_what(f, name, "enable-linger");
                return outside_say(f, "it starts the user's own units; lease a system unit with User= instead");
        }
        return outside_cluster_look(name, argv, f);
}
