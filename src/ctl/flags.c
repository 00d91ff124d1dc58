/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/flags.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>

#include "conf/ini.h"
#include "core/unit-config.h"
#include "util/strv.h"
#include "util/suggest.h"

/* ---- options with a value ---- */

static int set_host(Ctl *ctl, const char *value) {
        ctl->host = value;
        return CTL_OK;
}

static int set_json(Ctl *ctl, const char *mode) {
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

static int set_colour(Ctl *ctl, const char *when) {
        if (streq(when, "auto"))
                say_colours(COLOURS_AUTO);
        else if (streq(when, "always"))
                say_colours(COLOURS_ALWAYS);
        else if (streq(when, "never"))
                say_colours(COLOURS_NEVER);
        else {
                complain("--color=%s: expected is auto, always or never", when);
                return CTL_USAGE;
        }
        return CTL_OK;
}

/* NAME alone stands for the variable in our own environment, which the command gets anyway. */
static int add_setting(Ctl *ctl, const char *setting) {
        size_t n = strcspn(setting, "=");

        if (n == 0) {
                complain("--setenv=%s: expected is NAME=VALUE", setting);
                return CTL_USAGE;
        }
        if (!setting[n])
                return CTL_OK;
        return strv_add(&ctl->run_settings, setting) < 0 ? CTL_FAILED : CTL_OK;
}

static int set_directory(Ctl *ctl, const char *value) {
        ctl->run_directory = value;
        return CTL_OK;
}

static int set_key(Ctl *ctl, const char *file) {
        ctl->key = file;
        return CTL_OK;
}

static int set_setup(Ctl *ctl, SetupMode mode) {
        if (ctl->setup != SETUP_HERE && ctl->setup != mode) {
                complain("of --add, --remove and --rejoin only one can be given");
                return CTL_USAGE;
        }
        ctl->setup = mode;
        return CTL_OK;
}

static int set_add(Ctl *ctl, const char *value) {
        return set_setup(ctl, SETUP_ADD);
}

static int set_remove(Ctl *ctl, const char *value) {
        return set_setup(ctl, SETUP_REMOVE);
}

static int set_rejoin(Ctl *ctl, const char *value) {
        return set_setup(ctl, SETUP_REJOIN);
}

static int set_picture(Ctl *ctl, const char *file) {
        ctl->picture = true;
        ctl->picture_file = file;
        if (!file || endswith(file, ".svg"))
                return CTL_OK;
        complain("--picture=%s: expected is a file whose name ends in .svg", file);
        return CTL_USAGE;
}

static int set_number(const char *option, const char *number, unsigned most, unsigned *ret) {
        char *end;
        unsigned long n = strtoul(number, &end, 10);

        if (*number < '0' || *number > '9' || *end || n == 0 || n > most) {
                complain("--%s=%s: expected is a number from 1 to %u", option, number, most);
                return CTL_USAGE;
        }
        *ret = (unsigned) n;
        return CTL_OK;
}

static int set_lines(Ctl *ctl, const char *number) {
        return set_number("lines", number, 10000, &ctl->lines);
}

static int set_slots(Ctl *ctl, const char *number) {
        return set_number("slots", number, SLOTS_MAX, &ctl->run_slots);
}

static int set_copies(Ctl *ctl, const char *number) {
        return set_number("copies", number, SLOTS_MAX, &ctl->copies);
}

/* Fleet's users look for it. A unit starts when it is submitted, also without. */
static int set_start(Ctl *ctl, const char *value) {
        return CTL_OK;
}

/* The value becomes part of a command of a shell. */
static int set_since(Ctl *ctl, const char *time) {
        static const char safe[] = "0123456789 -:+.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/_";

        ctl->since = time;
        if (*time && !time[strspn(time, safe)])
                return CTL_OK;
        complain("--since=%s: expected is a time as journalctl takes it, such as \"2026-03-01 12:00\" or -2h", time);
        return CTL_USAGE;
}

static int set_clocks(Ctl *ctl, const char *span) {
        if (ini_parse_span(span, &ctl->clocks) >= 0)
                return CTL_OK;
        complain("--clocks=%s: expected is a span, such as 50ms", span);
        return CTL_USAGE;
}

/* "leasectl run" once had this option. */
static int refuse_period(Ctl *ctl, const char *value) {
        complain("--period=: is no more: the lease is kept with this machine's beats (TTL= in leased.conf), leave it "
                 "out");
        return CTL_USAGE;
}

/* ---- the table ---- */

#define PLACE(member, value) .place = offsetof(Ctl, member), .to = (value)
#define LISTINGS                                                                                                      \
        "status list machines history monitor check registry reload set-metadata config cat "                         \
        "prove list-files verify is-held logs version"
#define SHOWS "registry" /* without an argument; with one it acts */
#define TRIED "drain transfer release steal disable rebalance"
#define ACTS "enable submit destroy stop start restart rearm undrain confirm-dead pause resume forget set edit setup"

static const Flag flags[] = {
        { "help", 'h', NULL, NULL, "This text; behind a verb: about this verb", PLACE(help, true) },
        { "version", 0, NULL, NULL, "The version", PLACE(version, true) },
        { "host", 'H', "[USER@]HOST", NULL, "Over SSH, on another machine", .set = set_host },
        { "color", 0, "WHEN", NULL, "Colours: auto, always or never", .set = set_colour },
        { "no-pager", 0, NULL, NULL, "Do not page long output", PLACE(pager, false) },
        { "json", 0, "[MODE]", "", "Print JSON: pretty, which is the default, or short", .set = set_json },
        { "json", 0, "[MODE]", LISTINGS, "Print JSON: pretty, which is the default, or short" },
        { "json", 0, "[MODE]", TRIED, "Print JSON of a dry run, or of what is done" },
        { "json", 0, "[MODE]", ACTS, "Print JSON of what is done: pretty or short" },
        { NULL, 'w', NULL, "", "Refresh until q is pressed", PLACE(watch, true) },
        { NULL, '1', NULL, "", "Print once, never page", PLACE(once, true) },
        { NULL, 's', NULL, "", "One line, for monitoring", PLACE(one_line, true) },
        { "no-legend", 0, NULL,
                        "list machines history is-held reload enable disable drain undrain set-metadata run setup "
                        "status registry check logs config prove rebalance list-files verify",
                        "No headings, no remarks", PLACE(legend, false) },
        { "no-wait", 0, NULL, "enable disable stop start restart release transfer steal rearm drain undrain",
                        "Return as soon as leased has begun", PLACE(wait, false) },
        { "no-wait", 0, NULL, "run", "Fail if the lease cannot be had at once" },
        { "no-wait", 0, NULL, "setup", "Do not wait for the other machines" },
        { "no-wait", 0, NULL, "submit", "Do not wait until it runs somewhere" },
        { "no-roll", 0, NULL, "submit", "What runs goes on until it starts again", PLACE(no_roll, true) },
        { "copies", 0, "NUMBER", "submit", "How many run at once, or how many instances", .set = set_copies },
        { "start", 0, NULL, "submit", "It starts, as it also does without this option", .set = set_start },
        { "key", 0, "FILE", "submit destroy", "The key that signs, as for ssh-keygen -Y sign", .set = set_key },
        { "all", 0, NULL, "list", "Every lease in the registry", PLACE(all, true) },
        { "all", 0, NULL, "disable", "Every unit that is enabled here" },
        { "picture", 0, "[FILE.svg]", "history", "A lane for each machine; with a file as SVG", .set = set_picture },
        { "here", 0, NULL, "history", "Ask no other machine for its outages", PLACE(here_only, true) },
        { "lines", 0, "NUMBER", "logs", "How many lines, if not 20", .set = set_lines },
        { "since", 0, "TIME", "prove", "Only what the journals have from then on", .set = set_since },
        { "clocks", 0, "SPAN", "prove", "No two clocks differ by more", .set = set_clocks },
        { "all-machines", 0, NULL, "check", "Also where it would run", PLACE(all_machines, true) },
        { "stop", 0, NULL, "enable", "Stop the unit first if it is active", PLACE(stop, true) },
        { "anyway", 0, NULL, "enable", "The unit itself, though a timer starts it", PLACE(anyway, true) },
        { "anyway", 0, NULL, "setup", "Also where other files are there" },
        { "anyway", 0, NULL, "run", "Though its work lies in another control group" },
        { "force", 0, NULL, "disable", "With leased down, stop it by systemd", PLACE(force, true) },
        { "dry-run", 'n', NULL, "drain transfer release steal rebalance enable disable set edit",
                        "Say where units would go, change nothing", PLACE(dry_run, true) },
        { "dry-run", 'n', NULL, "setup", "Show every file, change nothing" },
        { "until-reboot", 0, NULL, "drain", "Take leases again after its next boot", PLACE(until_reboot, true) },
        { "tls", 0, NULL, "setup", "https, with certificates made here", PLACE(tls, true) },
        { "add", 0, NULL, "setup", "Add a member of etcd", .set = set_add },
        { "remove", 0, NULL, "setup", "Remove a member of etcd", .set = set_remove },
        { "rejoin", 0, NULL, "setup", "As a member that has lost its data", .set = set_rejoin },
        { "pty", 't', NULL, "run", "Give the command a terminal of its own", PLACE(run_pty, true) },
        { "pipe", 'P', NULL, "run", "Hand it our standard input and output", PLACE(run_pipe, true) },
        { "setenv", 'E', "NAME=VALUE", "run", "Set a variable of its environment", .set = add_setting },
        { "working-directory", 0, "DIRECTORY", "run", "Where it runs, if not here", .set = set_directory },
        { "slots", 0, "NUMBER", "run", "So many at once, each by a slot LEASE#1...", .set = set_slots },
        { "period", 0, "SPAN", "run", NULL, .set = refuse_period },
};

const Flag *flags_at(size_t i) {
        return i < ELEMENTSOF(flags) ? flags + i : NULL;
}

bool flags_value_is_optional(const Flag *flag) {
        return flag->value && *flag->value == '[' && endswith(flag->value, "]");
}

static bool names(const char *verbs, const Verb *verb) {
        size_t n = strlen(verb->name);

        for (const char *p = verbs; n > 0 && *p; p += strspn(p, " ")) {
                size_t length = strcspn(p, " ");

                if (length == n && strncmp(p, verb->name, n) == 0)
                        return true;
                p += length;
        }
        return false;
}

bool flags_known(const Flag *flag, const Verb *verb) {
        return !flag->verbs || (!*verb->name && !*flag->verbs) || names(flag->verbs, verb);
}

bool flags_tell_of_acts(const Ctl *ctl, const Verb *verb, int argc) {
        bool acts = names(ACTS, verb) || (names(TRIED, verb) && !ctl->dry_run) || (names(SHOWS, verb) && argc > 0);

        return ctl->json != JSON_OFF && acts;
}

static bool same_option(const Flag *a, const Flag *b) {
        return a->name && b->name ? streq(a->name, b->name) : a->name == b->name && a->letter == b->letter;
}

/* ---- the command line ---- */

enum {
        FLAG_CODE = 256, /* what getopt_long() gives for the first row of the table; letters are below */
};

static_assert(ELEMENTSOF(flags) <= 64, "a bit in Ctl.flags for each row");

/* Makes of the table what getopt_long() takes. A further row for an option adds nothing. */
static void make_getopt(struct option *options, char *letters) {
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                const Flag *f = flags + i;

                if (i > 0 && same_option(f, f - 1))
                        continue;
                if (f->letter) {
                        *letters++ = f->letter;
                        if (f->value)
                                *letters++ = ':';
                }
                if (f->name)
                        options[n++] = (struct option){ .name = f->name,
                                .has_arg = !f->value                    ? no_argument
                                           : flags_value_is_optional(f) ? optional_argument
                                                                        : required_argument,
                                .val = FLAG_CODE + (int) i };
        }
        *letters = '\0';
        options[n] = (struct option){};
}

static const Flag *find_flag(int code) {
        if (code >= FLAG_CODE)
                return flags + (code - FLAG_CODE);
        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (flags[i].letter == code)
                        return flags + i;
        return NULL;
}

/* Says what is wrong with an option that getopt_long() has refused. The argument word is the last one that was read.
 */
static int complain_option(const char *word, bool value_missing) {
        size_t n = strcspn(word, "=");
        _cleanup_free_ char *typed = strndup(word, n);
        const char *what = value_missing ? "a value is missing" : "takes no value";
        Suggestion near;

        if (optopt >= FLAG_CODE)
                complain("--%s: %s", find_flag(optopt)->name, what);
        else if (value_missing)
                complain("-%c: %s", optopt, what);
        else if (optopt > 0)
                complain("unknown option '-%c', see: leasectl --help", optopt);
        else {
                near = suggest_begin(typed && n > 2 ? typed + 2 : "");
                for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                        if (flags[i].name && flags[i].help)
                                suggest_consider(&near, flags[i].name);
                complain("unknown option '%s', %s%s%s", strempty(typed),
                                near.best ? "did you mean '--" : "see: leasectl --help", strempty(near.best),
                                near.best ? "'?" : "");
        }
        return CTL_USAGE;
}

static int set_flag(const Flag *flag, Ctl *ctl, const char *value) {
        ctl->flags |= UINT64_C(1) << (flag - flags);
        if (flag->set)
                return flag->set(ctl, value);
        *((bool *) ctl + flag->place) = flag->to;
        return CTL_OK;
}

int flags_parse(int argc, char **argv, bool in_order, Ctl *ctl) {
        struct option options[ELEMENTSOF(flags) + 1];
        char letters[2 * ELEMENTSOF(flags) + 3] = "+:"; /* after "+" nothing is moved to the front; ":": be quiet */
        int c, code = CTL_OK;

        make_getopt(options, letters + 2);
        optind = 0; /* begin anew */
        opterr = 0;
        while (code == CTL_OK && (c = getopt_long(argc, argv, letters + (in_order ? 0 : 1), options, NULL)) >= 0) {
                if (c == '?' || c == ':')
                        return complain_option(argv[optind - 1], c == ':');
                if (c < FLAG_CODE)
                        ctl->letters |= UINT64_C(1) << (find_flag(c) - flags);
                code = set_flag(find_flag(c), ctl, optarg);
        }
        return code;
}

int flags_check(const Ctl *ctl, const Verb *verb) {
        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                bool known = !(ctl->flags >> i & 1);
                const char letter[] = { flags[i].letter, '\0' };
                bool typed = ctl->letters >> i & 1;

                for (size_t j = i; j < ELEMENTSOF(flags) && !known && same_option(flags + i, flags + j); j++)
                        known = flags_known(flags + j, verb);
                if (known)
                        continue;
                complain("%s%s: not an option of leasectl%s%s, see: leasectl %s%s", typed ? "-" : "--",
                                typed ? letter : flags[i].name, *verb->name ? " " : "", verb->name,
                                *verb->name ? "help " : "--help", verb->name);
                return CTL_USAGE;
        }
        return CTL_OK;
}
