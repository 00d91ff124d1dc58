/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside.h"

#include <stdio.h>

#include "conf/conf.h"
#include "conf/outside-lxc.h"
#include "conf/outside-ssh.h"

/* A program whose first words are verbs. In a list, verbs are separated by spaces; a verb of two words is joined by
 * a colon: "container:run". */
typedef struct Program {
        const char *name;
        const char *checked; /* verbs with an option that says where the work goes */
        const char *unseen;  /* verbs that start work without such an option */
        const char *entered; /* verbs that run something inside of a container that runs already */
        const char *valued;  /* options before the verb that take the next word as their value */
        const char *option;  /* the option of the checked verbs that names the slice; NULL: there is none */
} Program;

#define OF_DOCKER "-c --context -H --host --config -l --log-level --tlscacert --tlscert --tlskey"
#define OF_PODMAN                                                                                                     \
        "-c --connection --log-level --runtime --storage-driver --root --runroot --storage-opt --cgroup-manager "     \
        "--conmon "                                                                                                   \
        "--config --events-backend --hooks-dir --identity --imagestore --module --namespace --network-cmd-path "      \
        "--network-config-dir --runtime-flag --ssh --tmpdir --transient-store --url --volumepath --out"
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
        "service:update service:rollback"
#define DOCKER_ENTERED "exec container:exec compose:exec"

#define OF_NERDCTL "-a --address -H --host -n --namespace --snapshotter --cgroup-manager --data-root"
#define NERDCTL_UNSEEN                                                                                                \
        "start restart unpause container:start container:restart container:unpause "                                  \
        "compose:up compose:start compose:run compose:restart compose:create compose:unpause"

#define OF_RUNC "--log --log-format --root --criu --rootless --cgroup-manager"
#define RUNC "run create start restore"

static const Program programs[] = {
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
        { "crictl", NULL, "run runp start create", "exec", "-c --config -r --runtime-endpoint -t --timeout", NULL },
        { "docker-compose", NULL, COMPOSE, "exec", "-f --file -p --project-name", NULL },
        { "podman-compose", NULL, COMPOSE, "exec", "-f --file -p --project-name", NULL },
        { "machinectl", NULL, "start reboot shell login", "", "-H -M -p -n -o", NULL },
        { "virsh", NULL, "start create restore resume migrate snapshot-revert", "", "-c --connect", NULL },
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
        { "qm", NULL, "start resume", "", "", NULL },
        { "pct", NULL, "start", "exec", "", NULL },
        { "VBoxManage", NULL, "startvm", "", "", NULL },
        { "vboxmanage", NULL, "startvm", "", "", NULL },
        { "systemctl", NULL, "start restart reload-or-restart isolate", "", "-H -M -t -p -s -o -n -P", NULL },
        { "service", NULL, "*:start *:restart *:reload-or-restart", "", "", NULL },
        { "invoke-rc.d", NULL, "*:start *:restart", "", "", NULL },
        { "rc-service", NULL, "*:start *:restart", "", "", NULL },
        { "deb-systemd-invoke", NULL, "start restart", "", "", NULL },
        { "initctl", NULL, "start restart", "", "", NULL },
        { "sv", NULL, "start restart up once", "", "-w", NULL },
        { "dinitctl", NULL, "start restart wake", "", "-p --socket-path", NULL },
        { "pm2", NULL, "start restart reload resurrect scale startOrRestart startOrReload", "", "", NULL },
        { "circusctl", NULL, "start restart add", "", "", NULL },
        { "supervisorctl", NULL, "start restart update reload add", "", "-c -s -u -p", NULL },
        { "monit", NULL, "start restart", "", "-c -d -g -l -p -s", NULL },
        { "portablectl", NULL, "attach", "", "-p -H -M", NULL },
        { "flatpak", NULL, "run", "enter", "", NULL },
        { "cset", NULL, "proc shield", "", "", NULL },
};

static bool has_word(const char *list, const char *word) {
        size_t n = strlen(word);

        for (const char *l = list; l && n > 0 && (l = strstr(l, word)); l++)
                if ((l == list || l[-1] == ' ') && (l[n] == ' ' || !l[n]))
                        return true;
        return false;
}

static bool has_argument(char *const *argv, const char *word) {
        for (char *const *a = argv + 1; *a; a++)
                if (streq(*a, word))
                        return true;
        return false;
}

/* Gives the value of an option in "--name=value" or "--name value"; the last one counts. NULL if the option is not
 * given. */
static const char *value_of(char *const *argv, const char *name) {
        const char *value = NULL;
        size_t n = strlen(name);

        for (char *const *a = argv + 1; *a; a++)
                if (strncmp(*a, name, n) == 0 && (*a)[n] == '=')
                        value = *a + n + 1;
                else if (streq(*a, name) && a[1])
                        value = a[1];
        return value;
}

/* Gives the name of a slice without its path: engines take "/foo.slice/" for foo.slice, too. */
static const char *slice_of(const char *value, char *buf, size_t size) {
        size_t n;

        str_copy(buf, size, strempty(value));
        n = strlen(buf);
        while (n > 0 && buf[n - 1] == '/')
                buf[--n] = '\0';
        return base_name(buf);
}

static bool lies_in(const char *slice, const char *value) {
        char buf[256];

        return slice && value && slice_contains(slice, slice_of(value, buf, sizeof(buf)));
}

/* ---- what to write ---- */

static void say_what(OutsideFinding *f, const char *name, const char *verb) {
        (void) snprintf(f->what, sizeof(f->what), "%.30s%s%.30s", name, isempty(verb) ? "" : " ", strempty(verb));
        for (char *c = f->what; *c; c++)
                if (*c == ':')
                        *c = ' ';
}

/* Says what to write where an option names the slice. The argument given is the present value of the option, or
 * NULL. The argument other is added to say what would do as well, and may be "". */
static Outside say_slice(
                OutsideFinding *f, const char *slice, const char *option, const char *given, const char *other) {
        char buf[256];
        const char *named = given ? slice_of(given, buf, sizeof(buf)) : NULL;

        if (slice)
                (void) snprintf(f->mend, sizeof(f->mend), "write %s=%s behind %s%s", option, slice, f->what, other);
        else if (named && slice_name_is_valid(named))
                (void) snprintf(f->mend, sizeof(f->mend), "write Slice=%s in [X-Leased]%s", named, other);
        else
                (void) snprintf(f->mend, sizeof(f->mend),
                                "write Slice=NAME.slice in [X-Leased] and %s=NAME.slice behind %s%s", option, f->what,
                                other);
        return OUTSIDE_YES;
}

/* Says what to write where nothing on the command line can name the slice. */
static Outside say_laid_down(OutsideFinding *f, const char *slice, const char *how) {
        if (!slice)
                (void) snprintf(f->mend, sizeof(f->mend),
                                "write Slice=NAME.slice in [X-Leased] and have it run there (%s)", how);
        else
                (void) snprintf(f->mend, sizeof(f->mend), "have it run in %s (%s)", slice, how);
        return slice ? OUTSIDE_UNSEEN : OUTSIDE_YES;
}

static Outside say(OutsideFinding *f, const char *mend) {
        str_copy(f->mend, sizeof(f->mend), mend);
        return OUTSIDE_YES;
}

/* ---- programs of verbs ---- */

static char *const *next_word(char *const *a, const char *valued) {
        while (*a && **a == '-')
                a += has_word(valued, *a) && a[1] ? 2 : 1;
        return a;
}

static bool is_known(const Program *p, const char *verb) {
        return has_word(p->checked, verb) || has_word(p->unseen, verb) || has_word(p->entered, verb);
}

/* Finds the verb, if first is the first word that is no option. Behind "compose" there may be options with values, so
 * any later word may be its verb. For other words of two the next word counts. */
static void find_verb_at(const Program *p, char *const *first, char *verb, size_t size) {
        char joined[64];

        verb[0] = '\0';
        if (!*first)
                return;
        for (char *const *a = first + 1; *a; a++) {
                if (**a == '-')
                        continue;
                for (unsigned any = 0; any < 2; any++) {
                        (void) snprintf(joined, sizeof(joined), "%.20s:%.40s", any ? "*" : *first, *a);
                        if (is_known(p, joined)) {
                                if (any)
                                        (void) snprintf(joined, sizeof(joined), "%.40s", *a);
                                str_copy(verb, size, joined);
                                return;
                        }
                }
                if (!streq(*first, "compose"))
                        break;
        }
        str_copy(verb, size, *first);
}

/* Finds the verb. The list of options that take the next word as their value cannot be complete, so where the first
 * word behind the options is no verb that counts, and a long option stands just before that word, the word may be the
 * value of the option, and what follows the verb. */
static void find_verb(const Program *p, char *const *argv, char *verb, size_t size) {
        char *const *first = next_word(argv + 1, p->valued);
        char other[64];

        find_verb_at(p, first, verb, size);
        while (*first && first - argv > 1 && startswith(first[-1], "--") && !strchr(first[-1], '=') &&
                        !is_known(p, verb)) {
                first = next_word(first + 1, p->valued);
                find_verb_at(p, first, other, sizeof(other));
                if (is_known(p, other))
                        str_copy(verb, size, other);
        }
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

/* With --cgroups=split or disabled (and without a service of podman, which would start it), the processes of podman
 * and of the container stay in the control group in which podman was started; those of crun do so without a manager of
 * control groups. */
static bool stays(const char *name, char *const *argv) {
        bool local = streq(name, "podman") && !has_argument(argv, "--remote") && !has_argument(argv, "-r") &&
                     !value_of(argv, "--url") && !value_of(argv, "--connection");
        const char *cgroups = local                 ? value_of(argv, "--cgroups")
                              : streq(name, "crun") ? value_of(argv, "--cgroup-manager")
                                                    : NULL;

        if (!cgroups || has_argument(argv, "--systemd-cgroup"))
                return false;
        return (local && streq(cgroups, "split")) || streq(cgroups, "disabled");
}

static Outside look_at_verb(const Program *p, char *const *argv, const char *slice, bool starting, OutsideFinding *f) {
        const char *given = p->option ? value_of(argv, p->option) : NULL;
        char verb[64];
        bool two;

        find_verb(p, argv, verb, sizeof(verb));
        say_what(f, p->name, verb);
        if ((streq(p->name, "systemctl") || streq(p->name, "machinectl")) &&
                        (streq(verb, "enable") || streq(verb, "reenable")) && has_argument(argv, "--now"))
                return say_laid_down(f, slice, how_of(p->name, verb));
        if (streq(p->name, "portablectl") && !has_argument(argv, "--now"))
                return OUTSIDE_NO;
        if ((streq(verb, "kube:play") || streq(verb, "play:kube")) && has_argument(argv, "--down"))
                return OUTSIDE_NO;
        two = streq(p->name, "service") || streq(p->name, "invoke-rc.d") || streq(p->name, "rc-service");
        if (has_word(p->checked, verb)) {
                if (stays(p->name, argv) || lies_in(slice, given))
                        return OUTSIDE_NO;
                return say_slice(f, slice, p->option, given,
                                streq(p->name, "podman") && !startswith(verb, "pod:")
                                                ? ", or --cgroups=split and Delegate=yes"
                                                : "");
        }
        if (has_word(p->entered, verb) && starting && !slice)
                return say_laid_down(f, slice, "as what it enters does");
        if (streq(p->name, "crun") && has_word(p->unseen, verb) && stays(p->name, argv))
                return OUTSIDE_NO;
        if (streq(p->name, "crun") && has_word(p->unseen, verb) && !slice)
                return say(f, "write --cgroup-manager=disabled behind crun, or Slice=NAME.slice in [X-Leased] and "
                              "have it run there (cgroupsPath in its config.json)");
        if (has_word(p->unseen, verb) || (two && (streq(verb, "start") || streq(verb, "restart"))))
                return lies_in(slice, given) ? OUTSIDE_NO : say_laid_down(f, slice, how_of(p->name, verb));
        /* "docker $ARGUMENTS": PID 1 replaces the variable by words that may be anything. */
        if (verb[0] == '$' && (p->checked || streq(p->name, "machinectl")))
                return say_laid_down(f, slice, how_of(p->name, verb));
        return OUTSIDE_NO;
}

/* ---- programs of their own ---- */

/* Gives where the options of a program end that runs the words behind them: at the first word that is neither an
 * option nor, for one of the options valued, its value. */
static char *const *options_end(char *const *argv, const char *valued) {
        char *const *end = next_word(argv + 1, valued);

        for (char *const *a = argv + 1; a < end; a++)
                if (streq(*a, "--"))
                        return a;
        return end;
}

/* Whether the program is only to tell of itself. Behind its options such a word is another program's. */
static bool asks_for_help(char *const *argv) {
        return argv[1] && (streq(argv[1], "--help") || streq(argv[1], "--version") || streq(argv[1], "-h"));
}

#define OF_SYSTEMD_RUN                                                                                                \
        "-p --property -u --unit -E --setenv -M --machine -H --host -C --capsule --slice --description --uid --gid "  \
        "--nice --working-directory --service-type --on-active --on-boot --on-startup --on-unit-active "              \
        "--on-unit-inactive --on-calendar --path-property --socket-property --timer-property --job-mode "             \
        "--background --area"

static Outside look_at_systemd_run(const char *name, char *const *argv, const char *slice, OutsideFinding *f) {
        char *const *end = options_end(argv, OF_SYSTEMD_RUN);
        bool elsewhere = false;
        const char *given = NULL;

        for (char *const *a = argv + 1; a < end; a++) {
                const char *next = a + 1 < end ? a[1] : "";
                const char *property = startswith(*a, "--property=")                ? *a + strlen("--property=")
                                       : startswith(*a, "-p") && (*a)[2]            ? *a + 2
                                       : streq(*a, "-p") || streq(*a, "--property") ? next
                                                                                    : "";

                if (startswith(*a, "--slice="))
                        given = *a + strlen("--slice=");
                else if (streq(*a, "--slice"))
                        given = next;
                else if (startswith(property, "Slice="))
                        given = property + strlen("Slice=");
                elsewhere = elsewhere || startswith(*a, "-M") || startswith(*a, "-H") || startswith(*a, "--machine") ||
                            startswith(*a, "--host") || streq(*a, "--user");
        }
        say_what(f, name, NULL);
        if (asks_for_help(argv))
                return OUTSIDE_NO;
        if (streq(name, "run0")) /* its unit has PAMName= */
                return say(f, "it opens a session, whose processes logind takes away; write User= in [Service]");
        if (elsewhere)
                return say(f, "start the program itself, with User= in [Service]");
        if (lies_in(slice, given))
                return OUTSIDE_NO;
        return say_slice(f, slice, "--slice", given, ", or start the program itself");
}

#define OF_NSPAWN                                                                                                     \
        "-D --directory -i --image -M --machine -u --user -S --slice -p --property -E --setenv -Z "                   \
        "--selinux-context -L --selinux-apparmor-context --template --uuid --hostname --bind --bind-ro --tmpfs "      \
        "--overlay --network-zone --network-bridge --network-interface -P --port --capability --drop-capability "     \
        "--kill-signal --chdir --root-hash --console --resolv-conf --timezone --link-journal --rlimit"

static Outside look_at_nspawn(const char *name, char *const *argv, const char *slice, OutsideFinding *f) {
        char *const *end = options_end(argv, OF_NSPAWN);
        const char *given = value_of(argv, "--slice") ?: value_of(argv, "-S");

        say_what(f, name, NULL);
        for (char *const *a = argv + 1; a < end; a++)
                if (streq(*a, "--keep-unit") || streq(*a, "--cleanup"))
                        return OUTSIDE_NO;
        if (asks_for_help(argv) || lies_in(slice, given))
                return OUTSIDE_NO;
        if (!given) {
                (void) snprintf(f->mend, sizeof(f->mend), "write --keep-unit behind %s", name);
                return OUTSIDE_YES;
        }
        return say_slice(f, slice, "--slice", given, ", or --keep-unit in its place");
}

/* Whether an option of one letter is given; several letters may stand together ("-li"). The argument valued is for
 * sudo, and lists its options that take a value: behind the first word that is no option, all words belong to the
 * program that sudo runs. */
static bool has_letter(char *const *argv, char letter, const char *valued) {
        for (char *const *a = argv + 1; *a && !streq(*a, "--"); a++) {
                if ((*a)[0] != '-' && valued)
                        return false;
                if ((*a)[0] != '-' || (*a)[1] == '-')
                        continue;
                if (strchr(*a + 1, letter))
                        return true;
                if (has_word(valued, *a) && a[1])
                        a++;
        }
        return false;
}

static Outside look_at_login(const char *name, char *const *argv, OutsideFinding *f) {
        bool su = streq(name, "su"), sudo = streq(name, "sudo");
        bool login = has_argument(argv, "-") || has_argument(argv, "--login") ||
                     (sudo ? has_letter(argv, 'i', "-u -g -p -C -D -R -T -U -h -r -t") : has_letter(argv, 'l', NULL));

        if (!su && !login)
                return OUTSIDE_NO;
        say_what(f, name, sudo ? "-i" : login ? "-l" : "");
        return say(f, su || sudo ? "it opens a session, whose processes logind takes away; write User= in [Service], "
                                   "or runuser "
                                   "-u USER -- COMMAND"
                                 : "it opens a session, whose processes logind takes away; write runuser -u USER -- "
                                   "COMMAND, or "
                                   "User= in [Service]");
}

/* sshd runs the command in a session. On another machine the command may well be the work that this unit is for; it is
 * not known whether it ends with ssh. */
static Outside look_at_ssh(const char *name, char *const *argv, OutsideFinding *f) {
        if (!outside_ssh_runs_here(argv))
                return OUTSIDE_NO;
        say_what(f, name, "to this machine");
        return say(f, "sshd runs it in a session, whose processes logind takes away; start the program itself, with "
                      "User= in [Service]");
}

/* An application of a snap is put into a scope of its own. A service of one is not: its unit has the same words, and
 * is not asked about (ctl/outside.c). */
static Outside look_at_snap(const char *path, OutsideFinding *f) {
        if (startswith(path, "/snap/bin/"))
                str_copy(f->what, sizeof(f->what), path);
        else
                say_what(f, "snap", "run");
        return say(f, "snapd puts it into a scope of its own; lease the unit of a service of the snap "
                      "(snap.NAME.APP.service), or start the program itself");
}

/* Whether a word of a call on the bus names a method that starts something. "Start" and "Restart" are such only on an
 * object of PID 1. */
static bool starts_something(const char *word, bool of_pid1) {
        static const char *const methods[] = { "StartUnit", "StartTransient", "StartUnitWithFlags", "StartUnitReplace",
                "RestartUnit", "TryRestartUnit", "ReloadOrRestartUnit", "ReloadOrTryRestartUnit", "EnqueueUnitJob",
                "EnqueueMarkedJobs", "StartTransientUnit", "AttachProcessesToUnit", "StartAuxiliaryScope",
                "OpenMachineShell", "OpenMachineLogin", "CreateSession", "StartWithFlags" };
        const char *dot = strrchr(word, '.'), *method = dot ? dot + 1 : word;

        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq(method, methods[i]))
                        return true;
        return of_pid1 && (streq(method, "Start") || streq(method, "Restart"));
}

static Outside look_at_bus_call(const char *name, char *const *argv, const char *slice, OutsideFinding *f) {
        bool of_pid1 = false;

        for (char *const *a = argv + 1; *a; a++) {
                const char *dot = strrchr(*a, '.');

                of_pid1 = of_pid1 || startswith(*a, "org.freedesktop.systemd1.Unit") ||
                          startswith(*a, "io.systemd.Unit.");
                if (starts_something(*a, of_pid1)) {
                        say_what(f, name, dot ? dot + 1 : *a);
                        return say_laid_down(f, slice, "Slice= of that unit");
                }
        }
        return OUTSIDE_NO;
}

/* The engines of containers take the same calls on their sockets as from their clients. */
static Outside look_at_curl(char *const *argv, const char *slice, OutsideFinding *f) {
        static const char *const calls[] = { "/start", "/restart", "/unpause", "/create" };
        const char *engine = value_of(argv, "--unix-socket") ?: "";

        if (!strstr(engine, "docker") && !strstr(engine, "podman") && !strstr(engine, "balena"))
                return OUTSIDE_NO;
        for (char *const *a = argv + 1; *a; a++)
                for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                        const char *call = strstr(*a, calls[i]);

                        if (call && (!call[strlen(calls[i])] || call[strlen(calls[i])] == '?')) {
                                say_what(f, "curl", base_name(engine));
                                return say_laid_down(f, slice, "CgroupParent of the container");
                        }
                }
        return OUTSIDE_NO;
}

/* One server of tmux serves all sessions of a user, and starts what runs in them. */
static Outside look_at_tmux(char *const *argv, OutsideFinding *f) {
        static const char inside[] = "attach attach-session a kill-server kill-session kill-window kill-pane ls "
                                     "list-sessions has has-session detach detach-client display capture-pane";
        char *const *end = next_word(argv + 1, "-c -f -T -L -S");

        for (char *const *a = argv + 1; a < end; a++)
                if (startswith(*a, "-L") || startswith(*a, "-S") || startswith(*a, "-V"))
                        return OUTSIDE_NO;
        if (*end && has_word(inside, *end))
                return OUTSIDE_NO;
        say_what(f, "tmux", *end);
        return say(f, "it runs in the server that this user has already, if there is one: write -L NAME behind tmux, "
                      "for a server of its own, or start the program itself");
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

/* A scheduler of a cluster of its own runs the work where it likes, and goes on when its client is dead. */
static Outside look_at_cluster(const char *name, char *const *argv, OutsideFinding *f) {
        static const Program clusters[] = {
                { "kubectl", NULL,
                                "run create apply replace patch set edit scale autoscale rollout:restart "
                                "rollout:resume rollout:undo expose exec debug",
                                NULL, "-n --namespace --context --cluster --kubeconfig -s --server --user", NULL },
                { "oc", NULL,
                                "run create apply replace patch set scale new-app rollout:latest start-build exec rsh "
                                "debug",
                                NULL, "-n --namespace --context --cluster --kubeconfig -s --server --user", NULL },
                { "helm", NULL, "install upgrade rollback", NULL, "-n --namespace --kube-context --kubeconfig", NULL },
                { "nomad", NULL, "run job:run job:start job:scale job:dispatch job:restart alloc:exec exec", NULL, "",
                                NULL },
                { "fleetctl", NULL, "start submit load", NULL, "", NULL },
                { "pcs", NULL, "resource:enable resource:create resource:move resource:restart cluster:start", NULL,
                                "-f", NULL },
                { "crm", NULL, "resource:start resource:restart resource:move cluster:start", NULL, "", NULL },
        };
        static const char *const submitting[] = { "sbatch", "srun", "qsub", "bsub", "condor_submit" };
        static const char mend[] =
                        "what it starts is run by another cluster, and no lease ends that; start the program "
                        "itself here";
        char verb[64];

        for (size_t i = 0; i < ELEMENTSOF(submitting); i++)
                if (streq(name, submitting[i]) && argv[1] && !asks_for_help(argv)) {
                        say_what(f, name, NULL);
                        return say(f, mend);
                }
        for (size_t i = 0; i < ELEMENTSOF(clusters); i++) {
                if (!streq(name, clusters[i].name))
                        continue;
                find_verb(clusters + i, argv, verb, sizeof(verb));
                if (!is_known(clusters + i, verb))
                        break;
                say_what(f, name, verb);
                return say(f, mend);
        }
        return OUTSIDE_NO;
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
        const char *given = value_of(argv, "--cgroup-parent");

        say_what(f, name, NULL);
        if (asks_for_help(argv) || (argv[1] && streq(argv[1], "-v")))
                return OUTSIDE_NO;
        if (!streq(name, "dockerd"))
                return say_laid_down(f, slice, "as its own settings have it");
        return lies_in(slice, given) ? OUTSIDE_NO : say_slice(f, slice, "--cgroup-parent", given, "");
}

/* A service of daemontools or s6 is a child of its supervisor, which was started long before. */
static bool is_supervised(const char *name, char *const *argv) {
        if (streq(name, "s6-rc"))
                return has_argument(argv, "change") && has_letter(argv, 'u', NULL);
        return (streq(name, "s6-svc") || streq(name, "svc")) &&
               (has_letter(argv, 'u', NULL) || has_letter(argv, 'o', NULL) || has_letter(argv, 'r', NULL));
}

#define OF_NSENTER "-t --target -S --setuid -G --setgid --wdns"

/* Whether the program runs what follows in a control group of another process, or in one of its own. */
static bool joins_a_group(const char *name, char *const *argv) {
        char *const *end = options_end(argv, OF_NSENTER);

        if (streq(name, "jailer"))
                return value_of(argv, "--cgroup") || value_of(argv, "--parent-cgroup");
        for (char *const *a = argv + 1; streq(name, "nsenter") && a < end; a++)
                if (streq(*a, "--join-cgroup") ||
                                ((*a)[0] == '-' && (*a)[1] != '-' && !strchr(*a, '/') && strchr(*a, 'c')))
                        return true;
        return false;
}

/* Whether the program is at(1) or batch(1). A program of one's own may well be called like that. */
static bool is_at(const char *path) {
        return streq(path, "at") || streq(path, "batch") || streq(path, "/usr/bin/at") || streq(path, "/bin/at") ||
               streq(path, "/usr/bin/batch") || streq(path, "/bin/batch");
}

Outside outside_look_at_program(char *const *argv, const char *slice, bool starting, OutsideFinding *f) {
        const char *name = base_name(argv[0]);

        if (startswith(argv[0], "/snap/bin/") || (streq(name, "snap") && argv[1] && streq(argv[1], "run")))
                return look_at_snap(argv[0], f);
        for (size_t i = 0; i < ELEMENTSOF(programs); i++)
                if (streq(name, programs[i].name))
                        return look_at_verb(programs + i, argv, slice, starting, f);
        if (streq(name, "systemd-run") || streq(name, "run0"))
                return look_at_systemd_run(name, argv, slice, f);
        if (streq(name, "systemd-nspawn") || streq(name, "systemd-vmspawn"))
                return look_at_nspawn(name, argv, slice, f);
        if (streq(name, "su") || streq(name, "sudo") || streq(name, "runuser"))
                return look_at_login(name, argv, f);
        if (streq(name, "ssh") || streq(name, "slogin"))
                return look_at_ssh(name, argv, f);
        if (streq(name, "busctl") || streq(name, "dbus-send") || streq(name, "gdbus") || startswith(name, "qdbus") ||
                        streq(name, "varlinkctl"))
                return look_at_bus_call(name, argv, slice, f);
        if (streq(name, "curl"))
                return look_at_curl(argv, slice, f);
        if (streq(name, "tmux") || streq(name, "byobu"))
                return look_at_tmux(argv, f);
        if (starting && is_engine(name, argv))
                return look_at_engine(name, argv, slice, f);
        say_what(f, name, "");
        if (streq(name, "lxc-start") || streq(name, "lxc-execute"))
                return look_at_lxc(argv, slice, f);
        if (streq(name, "lxc-autostart") || streq(name, "lxc-unfreeze") ||
                        (starting && !slice && streq(name, "lxc-attach")))
                return say_laid_down(f, slice, "lxc.cgroup.dir");
        if (is_at(argv[0]))
                return say(f, "it hands the job to atd; start it here, and lease a timer if it has to wait");
        if (streq(name, "crontab") && !has_argument(argv, "-l") && !has_argument(argv, "-r"))
                return say(f, "it hands the job to cron; start it here, and lease a timer if it has to wait");
        if (streq(name, "virt-install") && !asks_for_help(argv))
                return say_laid_down(f, slice, how_of("virsh", ""));
        if (is_supervised(name, argv))
                return say_laid_down(f, slice, "as its supervisor does");
        if (streq(name, "cgexec") || streq(name, "cgclassify") || joins_a_group(name, argv))
                return say(f, "start the program itself: it leaves the unit's control group");
        if (streq(name, "loginctl") && argv[1] && has_argument(argv, "enable-linger")) {
                say_what(f, name, "enable-linger");
                return say(f, "it starts the user's own units; lease a system unit with User= instead");
        }
        return look_at_cluster(name, argv, f);
}
