/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside.h"

#include <stdio.h>

#include "conf/conf.h"

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
#define COMPOSE "up start run restart create scale watch"

static const Program programs[] = {
        { "docker", "run create container:run container:create",
                        "start restart container:start container:restart "
                        "compose:up compose:start compose:run compose:restart compose:create stack:deploy stack:up "
                        "service:create "
                        "service:scale",
                        "exec container:exec compose:exec", OF_DOCKER, "--cgroup-parent" },
        { "podman", "run create container:run container:create pod:create",
                        "start restart container:start "
                        "container:restart container:runlabel pod:start pod:restart kube:play play:kube compose:up "
                        "compose:start "
                        "compose:run compose:restart",
                        "exec container:exec", OF_PODMAN, "--cgroup-parent" },
        { "nerdctl", "run create container:run container:create",
                        "start restart container:start "
                        "container:restart compose:up compose:start compose:run compose:restart",
                        "exec container:exec",
                        "-a --address -H --host -n --namespace --snapshotter --cgroup-manager --data-root",
                        "--cgroup-parent" },
        { "ctr", "run container:create containers:create c:create", "task:start tasks:start t:start",
                        "task:exec tasks:exec t:exec", "-a --address -n --namespace --timeout --connect-timeout",
                        "--cgroup" },
        { "runc", NULL, "run create start restore", "exec", "--log --log-format --root --criu --rootless", NULL },
        { "crun", NULL, "run create start restore", "exec", "--log --log-format --root --cgroup-manager", NULL },
        { "crictl", NULL, "run runp start create", "exec", "-c --config -r --runtime-endpoint -t --timeout", NULL },
        { "docker-compose", NULL, COMPOSE, "exec", "-f --file -p --project-name", NULL },
        { "podman-compose", NULL, COMPOSE, "exec", "-f --file -p --project-name", NULL },
        { "machinectl", NULL, "start reboot shell login", "", "-H -M -p -n -o", NULL },
        { "virsh", NULL, "start create restore", "", "-c --connect", NULL },
        { "lxc", NULL, "start launch restart", "exec", "", NULL },
        { "incus", NULL, "start launch restart", "exec", "", NULL },
        { "xl", NULL, "create restore", "", "", NULL },
        { "qm", NULL, "start", "", "", NULL },
        { "pct", NULL, "start", "exec", "", NULL },
        { "VBoxManage", NULL, "startvm", "", "", NULL },
        { "vboxmanage", NULL, "startvm", "", "", NULL },
        { "systemctl", NULL, "start restart reload-or-restart isolate", "", "-H -M -t -p -s -o -n -P", NULL },
        { "service", NULL, "*:start *:restart *:reload-or-restart", "", "", NULL },
        { "invoke-rc.d", NULL, "*:start *:restart", "", "", NULL },
        { "portablectl", NULL, "attach", "", "-p -H -M", NULL },
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

/* Finds the verb. Behind "compose" there may be options with values, so any later word may be its verb. For other
 * words of two the next word counts. */
static void find_verb(const Program *p, char *const *argv, char *verb, size_t size) {
        char *const *first = next_word(argv + 1, p->valued);
        char joined[64];

        verb[0] = '\0';
        if (!*first)
                return;
        for (char *const *a = first + 1; *a; a++) {
                if (**a == '-')
                        continue;
                for (unsigned any = 0; any < 2; any++) {
                        (void) snprintf(joined, sizeof(joined), "%.20s:%.40s", any ? "*" : *first, *a);
                        if (has_word(p->checked, joined) || has_word(p->unseen, joined) ||
                                        has_word(p->entered, joined)) {
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
                return "Slice= of systemd-nspawn@.service";
        if (streq(name, "systemctl") || streq(name, "service") || streq(name, "invoke-rc.d"))
                return "Slice= of that unit, or lease a target with both bound to it";
        if (streq(name, "portablectl"))
                return "Slice= of its units";
        if (streq(name, "docker") || streq(name, "podman") || streq(name, "nerdctl") || streq(name, "ctr"))
                return "--cgroup-parent= when it is created";
        return "as its own settings have it";
}

/* With --cgroups=split or disabled, the processes of podman and of the container stay in the control group in which
 * podman was started. */
static bool stays(const char *name, char *const *argv) {
        const char *cgroups = streq(name, "podman") ? value_of(argv, "--cgroups") : NULL;

        return cgroups && (streq(cgroups, "split") || streq(cgroups, "disabled"));
}

static Outside look_at_verb(const Program *p, char *const *argv, const char *slice, bool starting, OutsideFinding *f) {
        const char *given = p->option ? value_of(argv, p->option) : NULL;
        char verb[64];
        bool two;

        find_verb(p, argv, verb, sizeof(verb));
        say_what(f, p->name, verb);
        if (streq(p->name, "systemctl") && (streq(verb, "enable") || streq(verb, "reenable")) &&
                        has_argument(argv, "--now"))
                return say_laid_down(f, slice, how_of(p->name, verb));
        if (streq(p->name, "portablectl") && !has_argument(argv, "--now"))
                return OUTSIDE_NO;
        two = streq(p->name, "service") || streq(p->name, "invoke-rc.d");
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
        if (has_word(p->unseen, verb) || (two && (streq(verb, "start") || streq(verb, "restart"))))
                return lies_in(slice, given) ? OUTSIDE_NO : say_laid_down(f, slice, how_of(p->name, verb));
        /* "docker $ARGUMENTS": PID 1 replaces the variable by words that may be anything. */
        if (verb[0] == '$' && (p->checked || streq(p->name, "machinectl")))
                return say_laid_down(f, slice, how_of(p->name, verb));
        return OUTSIDE_NO;
}

/* ---- programs of their own ---- */

static Outside look_at_systemd_run(char *const *argv, const char *slice, OutsideFinding *f) {
        const char *given = value_of(argv, "--slice");

        for (char *const *a = argv + 1; *a; a++) {
                const char *property = startswith(*a, "--property=") ? *a + strlen("--property=")
                                       : startswith(*a, "-pSlice=")  ? *a + 2
                                       : (streq(*a, "-p") || streq(*a, "--property")) && a[1] ? a[1]
                                                                                              : "";

                if (startswith(property, "Slice="))
                        given = property + strlen("Slice=");
        }
        say_what(f, "systemd-run", NULL);
        if (has_argument(argv, "--help") || has_argument(argv, "--version") || has_argument(argv, "-h"))
                return OUTSIDE_NO;
        if (has_argument(argv, "--user"))
                return say(f, "start the program itself, with User= in [Service]");
        if (lies_in(slice, given))
                return OUTSIDE_NO;
        return say_slice(f, slice, "--slice", given, ", or start the program itself");
}

static Outside look_at_nspawn(char *const *argv, const char *slice, OutsideFinding *f) {
        const char *given = value_of(argv, "--slice") ?: value_of(argv, "-S");

        say_what(f, "systemd-nspawn", NULL);
        if (has_argument(argv, "--keep-unit") || has_argument(argv, "--help") || has_argument(argv, "--version") ||
                        lies_in(slice, given))
                return OUTSIDE_NO;
        if (!given)
                return say(f, "write --keep-unit behind systemd-nspawn");
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

static Outside look_at_bus_call(const char *name, char *const *argv, const char *slice, OutsideFinding *f) {
        for (char *const *a = argv + 1; *a; a++) {
                const char *dot = strrchr(*a, '.'), *method = dot ? dot + 1 : *a;

                if (streq(method, "StartUnit") || streq(method, "RestartUnit") ||
                                streq(method, "StartTransientUnit")) {
                        say_what(f, name, method);
                        return say_laid_down(f, slice, "Slice= of that unit");
                }
        }
        return OUTSIDE_NO;
}

Outside outside_look_at_program(char *const *argv, const char *slice, bool starting, OutsideFinding *f) {
        const char *name = base_name(argv[0]);

        for (size_t i = 0; i < ELEMENTSOF(programs); i++)
                if (streq(name, programs[i].name))
                        return look_at_verb(programs + i, argv, slice, starting, f);
        if (streq(name, "systemd-run") || streq(name, "run0"))
                return look_at_systemd_run(argv, slice, f);
        if (streq(name, "systemd-nspawn"))
                return look_at_nspawn(argv, slice, f);
        if (streq(name, "su") || streq(name, "sudo") || streq(name, "runuser"))
                return look_at_login(name, argv, f);
        if (streq(name, "busctl") || streq(name, "dbus-send") || streq(name, "gdbus"))
                return look_at_bus_call(name, argv, slice, f);
        say_what(f, name, "");
        if (streq(name, "lxc-start") || streq(name, "lxc-execute"))
                return say_laid_down(f, slice, "lxc.cgroup.dir");
        if (streq(name, "at") || streq(name, "batch"))
                return say(f, "it hands the job to atd; start it here, and lease a timer if it has to wait");
        if (streq(name, "cgexec") || streq(name, "cgclassify"))
                return say(f, "start the program itself: it leaves the unit's control group");
        if (streq(name, "loginctl") && argv[1] && has_argument(argv, "enable-linger")) {
                say_what(f, name, "enable-linger");
                return say(f, "it starts the user's own units; lease a system unit with User= instead");
        }
        return OUTSIDE_NO;
}
