/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/help.h"

#include <ctype.h>
#include <stdio.h>

#include "ctl/flags.h"
#include "ctl/output.h"

enum {
        NAME_WIDTH = 26,      /* of the column in which options stand */
        ARGUMENTS_WIDTH = 16, /* of the column in which a verb's arguments stand */
};

/* Writes the names of an option as the left column shows them: "  -H --host=[USER@]HOST", "     --json[=MODE]". */
static void format_names(char *buf, size_t size, const Flag *flag) {
        const char *value = strempty(flag->value), *sign = flag->value ? "=" : "";
        char letter[3] = { flag->letter ? '-' : ' ', flag->letter ?: ' ', '\0' };

        if (flags_value_is_optional(flag)) {
                sign = "[=";
                value++;
        }
        (void) snprintf(buf, size, "  %s %s%s%s%s", letter, flag->name ? "--" : "", strempty(flag->name), sign, value);
}

static void print_option(const char *names, const char *text) {
        if (strlen(names) >= NAME_WIDTH) {
                say("%s", names);
                names = "";
        }
        say("%-*s%s", NAME_WIDTH, names, text);
}

static size_t count_words(const char *text) {
        size_t n = 0;

        for (; *text; text += strspn(text, " ")) {
                n++;
                text += strcspn(text, " ");
        }
        return n;
}

/* Writes what an option does. Names the verb in front if only one knows the option. */
static void format_text(char *buf, size_t size, const Flag *flag) {
        if (!flag->verbs || !*flag->verbs ? !flag->letter || flag->name : count_words(flag->verbs) > 1)
                (void) snprintf(buf, size, "%s", flag->help);
        else
                (void) snprintf(buf, size, "%s: %c%s", *flag->verbs ? flag->verbs : "Without a verb",
                                tolower((unsigned char) *flag->help), flag->help + 1);
}

static void print_options(void) {
        const Flag *before = NULL;

        for (size_t i = 0; flags_at(i); before = flags_at(i++)) {
                const Flag *flag = flags_at(i);
                bool again = before && before->name && flag->name && streq(before->name, flag->name);
                char names[64], text[128];

                if (!flag->help || (again && streq(before->help, flag->help)))
                        continue;
                format_names(names, sizeof(names), flag);
                format_text(text, sizeof(text), flag);
                print_option(again ? "" : names, text);
        }
}

static void print_verb(const Verb *verb) {
        const char *arguments = verb->arguments;

        if (strlen(arguments) > ARGUMENTS_WIDTH) {
                say("  %-12s %s", verb->name, arguments);
                say("%*s%s", 2 + 12 + 1 + ARGUMENTS_WIDTH + 1, "", verb->help);
        } else
                say("  %-12s %-*s %s", verb->name, ARGUMENTS_WIDTH, arguments, verb->help);
}

static int print_all(void) {
        (void) puts("leasectl [OPTION...] [VERB [UNIT...]]\n\n"
                    "Runs units on exactly one of several machines, with leased. Without a verb,\n"
                    "shows the whole cluster, what is wrong first.\n");
        for (size_t i = 0; verbs_at(i); i++)
                print_verb(verbs_at(i));
        (void) puts("");
        print_options();
        (void) puts("\nExit codes: 0 done; 1 failed (without a verb: something is wrong); 2 wrong\n"
                    "usage; 3 the lease is not held (status: by nobody; is-held: not by this\n"
                    "machine); 4 no such unit, or not enabled here; 5 leased is not running; 6 it is\n"
                    "not known (the registry does not answer); of run, that of the command.");
        return CTL_OK;
}

int help_about(const Verb *verb) {
        if (!*verb->name)
                return print_all();
        say("leasectl [OPTION...] %s%s%s", verb->name, *verb->arguments ? " " : "", verb->arguments);
        (void) puts("");
        say("%s%s", verb->help, endswith(verb->help, "?") ? "" : ".");
        (void) puts("");
        for (size_t i = 0; flags_at(i); i++) {
                const Flag *flag = flags_at(i);
                char names[64];

                if (!flag->help || !flags_known(flag, verb) || (verb->here && streq(strempty(flag->name), "host")))
                        continue;
                format_names(names, sizeof(names), flag);
                print_option(names, flag->help);
        }
        if (verb->kind != ARGUMENTS_WORDS)
                (void) puts("\nA UNIT may be a pattern, as 'queue@*', which stands for each name that fits it.");
        (void) puts("\nMore: man leasectl");
        return CTL_OK;
}

int help_version(const Ctl *ctl) {
        json_auto_t *told = json_pack("{s:s}", "version", LEASED_VERSION);

        if (ctl->json != JSON_OFF)
                print_json(ctl, told);
        else
                (void) puts("leasectl " LEASED_VERSION);
        return CTL_OK;
}
