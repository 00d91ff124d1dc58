/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>

#include "ctl/bus.h"
#include "util/strv.h"

typedef struct Verb {
        const char *name;
        const char *arguments; /* for people */
        int min, max;          /* how many; max -1: any number */
        bool here;             /* works on files or processes of this machine, so that -H makes no sense */
        verb_t run;
        const char *help;
} Verb;

static const Verb verbs[] = {
        { "status", "[UNIT...]", 0, -1, false, verb_status, "This machine, or all about units" },
        { "list", "", 0, 0, false, verb_list, "The units enabled here, and who holds them" },
        { "machines", "", 0, 0, false, verb_machines, "The machines that take part" },
        { "history", "[UNIT|LEASE...]", 0, -1, false, verb_history, "Who held a lease, and why it ended" },
        { "monitor", "", 0, 0, false, verb_monitor, "What changes, as it changes" },
        { "metrics", "", 0, 0, false, verb_metrics, "For Prometheus" },
        { "is-held", "UNIT|LEASE...", 1, -1, false, verb_is_held, "For scripts: is it held by this machine?" },
        { "check", "UNIT...", 1, -1, true, verb_check, "The unit's timeline, and what weakens its safety" },
        { "enable", "UNIT...", 1, -1, true, verb_enable, "Run it only with its lease (on each machine)" },
        { "disable", "[UNIT...]", 0, -1, true, verb_disable, "Stop it, release it, make it ordinary again" },
        { "stop", "UNIT...", 1, -1, false, verb_stop, "Stop it where it runs; nobody else starts it" },
        { "start", "UNIT...", 1, -1, false, verb_start, "Start it again where it was stopped" },
        { "restart", "UNIT...", 1, -1, false, verb_restart, "Restart it where it runs" },
        { "release", "UNIT...", 1, -1, false, verb_release, "Stop it there and let another machine have it" },
        { "transfer", "UNIT MACHINE", 2, 2, false, verb_transfer, "Stop it there and hand it to that machine" },
        { "steal", "UNIT...", 1, -1, false, verb_steal, "Take it from a holder that cannot be asked" },
        { "rearm", "UNIT...", 1, -1, false, verb_rearm, "A unit that is done may run again" },
        { "drain", "[MACHINE]", 0, 1, false, verb_drain, "Take no leases there, and hand over those held" },
        { "undrain", "[MACHINE]", 0, 1, false, verb_undrain, "The end of drain" },
        { "confirm-dead", "MACHINE", 1, 1, false, verb_confirm_dead, "It is off: do not wait for its leases" },
        { "set-metadata", "[KEY=VALUE...]", 0, -1, true, verb_set_metadata,
                        "What this machine says of itself (Require=)" },
        { "run", "LEASE COMMAND...", 2, -1, true, verb_run, "Run a command while holding a lease of its own" },
        { "registry", "[accept UUID|forget LEASE]", 0, 2, false, verb_registry,
                        "How the registry is; or go by another" },
        { "config", "", 0, 0, true, verb_config, "leased.conf: what is in force, and from where" },
        { "setup", "NAME=ADDRESS...", 1, -1, true, verb_setup, "From fresh machines to a cluster" },
        { "reload", "", 0, 0, false, verb_reload, "Let leased read its configuration again" },
};

/* What leasectl does without a verb. */
static const Verb no_verb = { .name = "", .arguments = "", .run = verb_screen };

static int help(void) {
        (void) puts("leasectl [OPTION...] [VERB [UNIT...]]\n\n"
                    "Runs units on exactly one of several machines, with leased. Without a verb,\n"
                    "shows the whole cluster, what is wrong first.\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                const Verb *v = verbs + i;

                say("  %-12s %-16s %s", v->name, v->arguments, v->help);
        }
        (void) puts("\n"
                    "  -h --help               This text\n"
                    "     --version            The version\n"
                    "  -H --host=[USER@]HOST   Over SSH, on another machine\n"
                    "     --json=pretty|short  Print JSON; --json alone is pretty\n"
                    "  -w                      Without a verb: refresh until q is pressed\n"
                    "  -1                      Without a verb: print once, never page\n"
                    "  -s                      Without a verb: one line, for monitoring\n"
                    "     --no-pager           Do not page long output\n"
                    "     --no-legend          No headings, no remarks\n"
                    "     --no-wait            Return as soon as leased has begun\n"
                    "     --stop               enable: stop the unit first if it is active\n"
                    "     --anyway             enable: the unit itself, though a timer starts it;\n"
                    "                          setup: also where other files are there\n"
                    "     --force              disable: with leased down, stop it by systemd\n"
                    "     --all                list: every lease in the registry; disable: every unit\n"
                    "     --all-machines       check: also where it would run\n"
                    "     --dry-run            setup: show every file, change nothing\n"
                    "     --tls                setup: https, with certificates made here\n"
                    "     --add, --remove      setup: add or remove a member of etcd\n"
                    "     --rejoin             setup: as a member that has lost its data\n"
                    "  -t --pty                run: give the command a terminal of its own\n"
                    "  -P --pipe               run: hand it our standard input and output\n"
                    "  -E --setenv=NAME=VALUE  run: set a variable of its environment\n"
                    "     --working-directory=DIRECTORY\n"
                    "                          run: where it runs, if not here\n"
                    "\n"
                    "Exit codes: 0 done; 1 failed (without a verb: something is\n"
                    "wrong); 2 wrong usage; 3 the lease is not held (status: by\n"
                    "nobody; is-held: not by this machine); 4 no such unit, or\n"
                    "not enabled here; 5 leased is not running; 6 it is not known (the registry does\n"
                    "not answer); of run, that of the command.");
        return CTL_OK;
}

/* Refuses --period=, an option that "leasectl run" once had. */
static int refuse_period(void) {
        complain("--period=: is no more: the lease is kept with this machine's beats (TTL= in leased.conf), leave it "
                 "out");
        return CTL_USAGE;
}

/* Takes --setenv=. NAME alone stands for the variable in our own environment, which the command gets anyway. */
static int parse_setenv(const char *setting, Ctl *ctl) {
        size_t n = strcspn(setting, "=");

        if (n == 0) {
                complain("--setenv=%s: expected is NAME=VALUE", setting);
                return CTL_USAGE;
        }
        if (!setting[n])
                return CTL_OK;
        return strv_add(&ctl->run_settings, setting) < 0 ? CTL_FAILED : CTL_OK;
}

static int parse_json(const char *mode, Ctl *ctl) {
        if (!mode || streq(mode, "pretty"))
                ctl->json = JSON_MODE_PRETTY;
        else if (streq(mode, "short"))
                ctl->json = JSON_MODE_SHORT;
        else if (streq(mode, "off"))
                ctl->json = JSON_OFF;
        else {
                complain("--json=%s: expected is pretty, short or off", mode);
                return CTL_USAGE;
        }
        return CTL_OK;
}

enum {
        OPT_VERSION = 256,
        OPT_JSON,
        OPT_NO_PAGER,
        OPT_NO_LEGEND,
        OPT_NO_WAIT,
        OPT_STOP,
        OPT_ANYWAY,
        OPT_FORCE,
        OPT_ALL_MACHINES,
        OPT_ALL,
        OPT_DRY_RUN,
        OPT_TLS,
        OPT_ADD,
        OPT_REMOVE,
        OPT_REJOIN,
        OPT_PERIOD,
        OPT_WORKING_DIRECTORY,
};

static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPT_VERSION },
        { "host", required_argument, NULL, 'H' },
        { "json", optional_argument, NULL, OPT_JSON },
        { "no-pager", no_argument, NULL, OPT_NO_PAGER },
        { "no-legend", no_argument, NULL, OPT_NO_LEGEND },
        { "no-wait", no_argument, NULL, OPT_NO_WAIT },
        { "stop", no_argument, NULL, OPT_STOP },
        { "anyway", no_argument, NULL, OPT_ANYWAY },
        { "force", no_argument, NULL, OPT_FORCE },
        { "all-machines", no_argument, NULL, OPT_ALL_MACHINES },
        { "all", no_argument, NULL, OPT_ALL },
        { "dry-run", no_argument, NULL, OPT_DRY_RUN },
        { "tls", no_argument, NULL, OPT_TLS },
        { "add", no_argument, NULL, OPT_ADD },
        { "remove", no_argument, NULL, OPT_REMOVE },
        { "rejoin", no_argument, NULL, OPT_REJOIN },
        { "period", required_argument, NULL, OPT_PERIOD },
        { "pty", no_argument, NULL, 't' },
        { "pipe", no_argument, NULL, 'P' },
        { "setenv", required_argument, NULL, 'E' },
        { "working-directory", required_argument, NULL, OPT_WORKING_DIRECTORY },
        {},
};

/* Sets an option that is only a switch. Returns false if the option is none. */
static bool set_switch(int option, Ctl *ctl) {
        const struct {
                int option;
                bool *place, value;
        } switches[] = {
                { OPT_NO_PAGER, &ctl->pager, false },
                { OPT_NO_LEGEND, &ctl->legend, false },
                { OPT_NO_WAIT, &ctl->wait, false },
                { OPT_STOP, &ctl->stop, true },
                { OPT_ANYWAY, &ctl->anyway, true },
                { OPT_FORCE, &ctl->force, true },
                { OPT_ALL_MACHINES, &ctl->all_machines, true },
                { OPT_ALL, &ctl->all, true },
                { OPT_DRY_RUN, &ctl->dry_run, true },
                { OPT_TLS, &ctl->tls, true },
                { 'w', &ctl->watch, true },
                { '1', &ctl->once, true },
                { 's', &ctl->one_line, true },
                { 't', &ctl->run_pty, true },
                { 'P', &ctl->run_pipe, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(switches); i++)
                if (switches[i].option == option) {
                        *switches[i].place = switches[i].value;
                        return true;
                }
        return false;
}

/* Takes an option that getopt_long() has found; its argument is in optarg. Returns CTL_OK to go on, or an exit
 * code. */
static int set_option(int option, Ctl *ctl) {
        switch (option) {
        case 'H':
                ctl->host = optarg;
                return CTL_OK;
        case OPT_JSON:
                return parse_json(optarg, ctl);
        case OPT_ADD:
                ctl->setup = SETUP_ADD;
                return CTL_OK;
        case OPT_REMOVE:
                ctl->setup = SETUP_REMOVE;
                return CTL_OK;
        case OPT_REJOIN:
                ctl->setup = SETUP_REJOIN;
                return CTL_OK;
        case OPT_PERIOD:
                return refuse_period();
        case 'E':
                return parse_setenv(optarg, ctl) == CTL_OK ? CTL_OK : CTL_USAGE;
        case OPT_WORKING_DIRECTORY:
                ctl->run_directory = optarg;
                return CTL_OK;
        default:
                return set_switch(option, ctl) ? CTL_OK : CTL_USAGE; /* getopt has said why */
        }
}

/* Parses options; with in_order only up to the first argument that is no option. Returns -1 to go on with the verb,
 * or the exit code of the program. */
static int parse_options(int argc, char **argv, bool in_order, Ctl *ctl) {
        int c, code;

        optind = 0; /* begin anew */
        while ((c = getopt_long(argc, argv, in_order ? "+hH:tPE:w1s" : "hH:tPE:w1s", options, NULL)) >= 0) {
                if (c == 'h')
                        return help();
                if (c == OPT_VERSION) {
                        (void) puts("leasectl " LEASED_VERSION);
                        return CTL_OK;
                }
                code = set_option(c, ctl);
                if (code != CTL_OK)
                        return code;
        }
        return -1;
}

static const Verb *verb_find(const char *name, int argc) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                const Verb *v = verbs + i;

                if (!streq(v->name, name))
                        continue;
                if (argc >= v->min && (v->max < 0 || argc <= v->max))
                        return v;
                complain("usage: leasectl %s%s%s", v->name, *v->arguments ? " " : "", v->arguments);
                return NULL;
        }
        complain("%s: no such verb, see leasectl --help", name);
        return NULL;
}

/* Parses the command line. Options may stand before and behind the verb; but what stands behind the first argument
 * of run belongs to the command. */
static int parse(int argc, char **argv, Ctl *ctl, const Verb **ret, int *ret_skip) {
        int code = parse_options(argc, argv, true, ctl), skip = optind;
        const char *name;

        if (code >= 0)
                return code;
        name = skip < argc ? argv[skip] : NULL;
        if (name) {
                argv[skip] = argv[0]; /* what getopt says begins with our name */
                code = parse_options(argc - skip, argv + skip, streq(name, "run"), ctl);
                if (code >= 0)
                        return code;
                skip += optind;
        }
        *ret_skip = skip;
        *ret = name ? verb_find(name, argc - skip) : &no_verb;
        return *ret ? -1 : CTL_USAGE;
}

int main(int argc, char **argv) {
        Ctl ctl = { .legend = true, .pager = true, .wait = true };
        const Verb *verb;
        int code, skip;

        (void) setlocale(LC_ALL, "");
        code = parse(argc, argv, &ctl, &verb, &skip);
        if (code >= 0)
                return code;
        if (verb->here && ctl.host) {
                complain("%s works on the machine it runs on, and cannot be used with --host=", verb->name);
                return CTL_USAGE;
        }
        code = bus_connect(&ctl);
        if (code == CTL_OK)
                code = verb->run(&ctl, argc - skip, argv + skip);
        (void) sd_bus_flush_close_unref(ctl.bus);
        json_decref(ctl.triggers);
        strv_free(ctl.trigger_templates);
        strv_free(ctl.run_settings);
        if (fflush(stdout) != 0 && errno != EPIPE && code == CTL_OK) {
                complain("cannot write: %s", strerror(errno));
                code = CTL_FAILED;
        }
        return code;
}
