/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>

#include "ctl/starters.h"
#include "ctl/bus.h"
#include "ctl/flags.h"
#include "ctl/globs.h"
#include "ctl/help.h"
#include "ctl/output.h"
#include "util/file-util.h"
#include "util/strv.h"

/* Finds the verb that was typed; says what is wrong if there is none. */
static const Verb *find_verb(const char *name) {
        const Verb *verb = verbs_find(name), *near;

        if (verb)
                return verb;
        near = verbs_near(name);
        if (near)
                complain("unknown verb '%s', did you mean '%s'?", name, near->name);
        else
                complain("unknown verb '%s', see: leasectl --help", name);
        return NULL;
}

/* Carries out --help, --version, and the verbs help and version, which need no bus. Returns -1 if none of these was
 * asked for, or the exit code of the program. */
static int tell(const Ctl *ctl, const Verb *verb, int argc, char **argv) {
        const Verb *about;

        if (ctl->help)
                return help_about(verb);
        if (ctl->version || streq(verb->name, "version"))
                return help_version(ctl);
        if (!streq(verb->name, "help"))
                return -1;
        about = find_verb(argc > 0 ? argv[0] : "");
        return about ? help_about(about) : CTL_USAGE;
}

/* Says that the command line does not fit the verb, and returns CTL_USAGE; or CTL_OK if it does. */
static int check_usage(const Ctl *ctl, const Verb *verb, int argc) {
        if (flags_check(ctl, verb) != CTL_OK)
                return CTL_USAGE;
        if (verb->here && ctl->host) {
                complain("%s works on the machine it runs on, and cannot be used with --host=", verb->name);
                return CTL_USAGE;
        }
        if (ctl->help || ctl->version || (argc >= verb->min && (verb->max < 0 || argc <= verb->max)))
                return CTL_OK;
        complain("usage: leasectl %s%s%s", verb->name, *verb->arguments ? " " : "", verb->arguments);
        return CTL_USAGE;
}

/* Parses the command line. Options may stand before and behind the verb; but what stands behind the first argument
 * of run belongs to the command. */
static int parse(int argc, char **argv, Ctl *ctl, const Verb **ret, int *ret_skip) {
        int code = flags_parse(argc, argv, true, ctl), skip = optind;
        const char *name = "";

        if (code == CTL_OK && skip < argc) {
                name = argv[skip];
                code = flags_parse(argc - skip, argv + skip, streq(name, "run"), ctl);
                skip += optind;
        }
        if (code != CTL_OK)
                return code;
        *ret_skip = skip;
        *ret = find_verb(name);
        return *ret ? check_usage(ctl, *ret, argc - skip) : CTL_USAGE;
}

static void add_line(const char *text, bool error, void *userdata) {
        (void) json_array_append_new(userdata, json_pack("{s:s, s:b}", "text", text, "error", error));
}

/* Carries out the verb. If it changes something and is to tell of that as JSON, prints the lines that it would say. */
static int carry_out(Ctl *ctl, const Verb *verb, int argc, char **argv) {
        json_auto_t *lines = json_array(), *whole = NULL;
        int code;

        if (!flags_tell_of_acts(ctl, verb, argc))
                return verb->run(ctl, argc, argv);
        say_collect(add_line, lines);
        code = verb->run(ctl, argc, argv);
        say_collect(NULL, NULL);
        whole = json_pack("{s:s, s:i, s:O}", "verb", verb->name, "exit", code, "lines", lines);
        print_json(ctl, whole);
        return code;
}

/* Connects to the bus. Whether ssh reaches the other machine shows only in the first answer of the bus there. */
static int connect_bus(Ctl *ctl) {
        const char *name;
        int code = bus_connect(ctl);

        if (code == CTL_OK && ctl->host && sd_bus_get_unique_name(ctl->bus, &name) < 0)
                return ctl_fail("cannot reach the system bus of %s by ssh", ctl->host);
        return code;
}

/* Connects to the bus and carries out the verb. */
static int run(Ctl *ctl, const Verb *verb, int argc, char **argv) {
        char **names = NULL;
        int code = verb->alone ? CTL_OK : connect_bus(ctl);

        if (code == CTL_OK)
                code = globs_expand(ctl, verb, argc, argv, &names);
        if (code == CTL_OK)
                code = carry_out(ctl, verb, names ? (int) strv_length(names) : argc, names ?: argv);
        (void) sd_bus_flush_close_unref(ctl->bus);
        json_decref(ctl->triggers);
        starters_forget();
        strv_free(ctl->trigger_templates);
        strv_free(names);
        return code;
}

/* Opens /dev/null for each standard descriptor that is closed. Otherwise another file would get its number, and what
 * is said would be written there, or a program that is run would be given that file. To write to what was closed is
 * still a failure. */
static void open_standard(void) {
        int fd;

        do
                fd = open("/dev/null", O_RDONLY);
        while (fd >= 0 && fd <= STDERR_FILENO);
        closep(&fd);
}

int main(int argc, char **argv) {
        Ctl ctl = { .legend = true, .pager = true, .wait = true, .lines = 20, .clocks = USEC_INFINITY };
        const Verb *verb;
        int code, skip, error;

        open_standard();
        (void) setlocale(LC_ALL, "");
        code = parse(argc, argv, &ctl, &verb, &skip);
        if (code == CTL_OK) {
                code = tell(&ctl, verb, argc - skip, argv + skip);
                if (code < 0)
                        code = run(&ctl, verb, argc - skip, argv + skip);
        }
        strv_free(ctl.run_settings);
        error = say_end();
        if (error != 0 && error != EPIPE && code == CTL_OK) {
                complain("cannot write: %s", strerror(error));
                code = CTL_FAILED;
        }
        return code;
}
