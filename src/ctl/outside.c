/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds commands of a unit whose work lies outside of the control group of the unit (conf/outside.h). Neither a stop
 * nor the kill of the guard reaches such work, so it would run on beside the next holder. leasectl enable refuses such
 * a unit, leasectl check names the command.
 */

#include "ctl/options.h"
#include "ctl/outside.h"

#include <stdio.h>

#include "conf/conf.h"
#include "conf/outside.h"
#include "ctl/exec-line.h"
#include "ctl/finding.h"
#include "ctl/members.h"
#include "ctl/pid1.h"
#include "ctl/script.h"

/* Adds the finding. The argument with is "", or says which member is meant. */
static void tell(const char *with, const char *line, const UnitOptions *options, Outside found,
                const OutsideFinding *f, bool weak, json_t *findings) {
        if (found == OUTSIDE_UNSEEN && weak)
                finding_add(findings, "weak",
                                "%s%s= has %s: what that starts is stopped and killed with it only in %s: %s", with,
                                line, f->what, options->slice, f->mend);
        else if (found == OUTSIDE_YES && options->allow_outside && weak)
                finding_add(findings, "weak",
                                "%s%s= has %s, whose work lies in another control group and is not killed with it: it "
                                "may run "
                                "beside the next holder's (AllowOutside=yes)",
                                with, line, f->what);
        else if (found == OUTSIDE_YES && !options->allow_outside && !weak)
                finding_add(findings, "refused",
                                "%s%s= has %s, whose work lies in another control group and would run on beside the "
                                "next holder's: "
                                "%s (AllowOutside=yes leaves it so)",
                                with, line, f->what, f->mend);
}

/* Whether the command is of a snap's own unit: what is a service of a snap stays in the control group of its unit. */
static bool is_of_a_snap(const json_t *properties, char *const *argv) {
        return startswith(get_string(properties, "Id"), "snap.") && argv && argv[0] && argv[1] &&
               streq(base_name(argv[0]), "snap") && streq(argv[1], "run");
}

/* Gives what Environment= of the unit sets, less what UnsetEnvironment= takes back. To be freed with free(); the
 * variables are borrowed. NULL: out of memory. */
static char **variables_of(const json_t *properties) {
        const json_t *given = json_object_get(properties, "Environment"), *taken;
        char **variables = calloc(json_array_size(given) + 1, sizeof(char *));
        size_t n = 0, i;
        json_t *variable;

        taken = json_object_get(properties, "UnsetEnvironment");
        json_array_foreach((json_t *) given, i, variable) {
                const char *text = strempty(json_string_value(variable));
                bool stays = true;

                for (size_t t = 0; t < json_array_size(taken); t++) {
                        const char *name = string_at(taken, t);

                        stays = stays && !(startswith(text, name) && strchr("=", text[strlen(name)]));
                }
                if (variables && stays)
                        variables[n++] = (char *) text;
        }
        return variables;
}

/* What is found in the scripts that a command runs. */
typedef struct InScripts {
        char *const *variables;
        const char *slice;
        bool starting;
        Outside worst;
        OutsideFinding finding;
        char path[200]; /* of the script in which it was found */
} InScripts;

static bool take_worst(char *const *argv, void *userdata) {
        _cleanup_free_ char *text = script_read(argv);
        char *const words[] = { (char *) "sh", (char *) "-c", text, NULL };
        OutsideFinding finding = {};
        InScripts *s = userdata;
        Outside found = text ? outside_look_with(s->variables, words, s->slice, s->starting, &finding) : OUTSIDE_NO;

        if (found > s->worst) {
                s->worst = found;
                s->finding = finding;
                str_copy(s->path, sizeof(s->path), outside_script_path(argv));
        }
        return s->worst != OUTSIDE_YES;
}

/* Whether the command is Apache's, whose script asks PID 1 to start Apache unless a unit's Environment= keeps it from
 * that. */
static bool starts_apache_itself(const json_t *properties, char *const *argv) {
        const char *name = argv && argv[0] ? base_name(argv[0]) : "";
        json_t *variable;
        size_t i;

        json_array_foreach(json_object_get(properties, "Environment"), i, variable)
                if (startswith(strempty(json_string_value(variable)), "APACHE_STARTED_BY_SYSTEMD="))
                        return streq(name, "apachectl") || streq(name, "apache2ctl");
        return false;
}

/* What stands in a script is no reason to refuse the unit: the script may never come to it. */
static void look_at_scripts(const char *with, const char *line, char *const *variables, char *const *argv,
                const UnitOptions *options, json_t *findings) {
        InScripts s = { .variables = variables, .slice = options->slice, .starting = streq(line, "ExecStart") };

        script_each_command(argv, take_worst, &s);
        if (s.worst == OUTSIDE_YES)
                finding_add(findings, "weak",
                                "%s%s= runs %s, a script with %s: if it comes to that, the work lies in another "
                                "control group, is not killed with it, and may run beside the next holder's%s%s",
                                with, line, s.path, s.finding.what, options->allow_outside ? "" : ": ",
                                options->allow_outside ? " (AllowOutside=yes)" : s.finding.mend);
        else if (s.worst == OUTSIDE_UNSEEN)
                finding_add(findings, "weak",
                                "%s%s= runs %s, a script with %s: what that starts is stopped and killed with it only "
                                "in %s: %s",
                                with, line, s.path, s.finding.what, options->slice, s.finding.mend);
}

static void look_at_lines(
                const char *with, const json_t *properties, const UnitOptions *options, bool weak, json_t *findings) {
        static const char *const lines[] = { "ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost",
                "ExecReload", "ExecReloadPost", "ExecStop", "ExecStopPre", "ExecStopPost" };
        _cleanup_free_ char **variables = variables_of(properties);

        for (size_t l = 0; l < ELEMENTSOF(lines); l++) {
                json_t *command;
                size_t i;

                json_array_foreach(exec_line_commands(properties, lines[l]), i, command) {
                        _cleanup_(strv_freep) char **argv = exec_line_words(properties, command);
                        OutsideFinding finding = {};
                        Outside found = outside_look_with(
                                        variables, argv, options->slice, streq(lines[l], "ExecStart"), &finding);

                        if (is_of_a_snap(properties, argv))
                                continue;
                        tell(with, lines[l], options, found, &finding, weak, findings);
                        if (weak && !starts_apache_itself(properties, argv))
                                look_at_scripts(with, lines[l], variables, argv, options, findings);
                }
        }
}

int outside_examine(Ctl *ctl, const char *name, const json_t *unit, bool weak, json_t *findings) {
        const UnitOptions *options = options_peek(name);
        _cleanup_(strv_freep) char **members = NULL;
        size_t before = json_array_size(findings);
        int code;

        if (!options || options->global)
                return CTL_OK;
        look_at_lines("", unit, options, weak, findings);
        code = members_find(ctl, name, unit, &members);
        for (char **member = members; code == CTL_OK && member && *member; member++) {
                json_auto_t *properties = NULL;
                char with[300];

                code = members_load(ctl, *member, &properties);
                (void) snprintf(with, sizeof(with), "brings %s, whose ", *member);
                if (code == CTL_OK)
                        look_at_lines(with, properties, options, weak, findings);
        }
        return code != CTL_OK || weak || json_array_size(findings) == before ? code : CTL_FAILED;
}

/* ---- leasectl run ---- */

int outside_refuse_run(const Ctl *ctl, char *const *argv) {
        InScripts in_scripts = { .starting = true };
        OutsideFinding finding = {};
        Outside found = ctl->anyway ? OUTSIDE_NO : outside_look(argv, NULL, true, &finding);

        if (found == OUTSIDE_YES)
                return ctl_fail("run: the work of %s lies in another control group, and would run on beside the next "
                                "holder's: make it a unit (leasectl enable says what to write), or give --anyway",
                                finding.what);
        if (ctl->anyway || !ctl->legend)
                return CTL_OK;
        if (found == OUTSIDE_UNSEEN)
                complain("note: what %s starts may lie in another control group, and is not killed then",
                                finding.what);
        script_each_command(argv, take_worst, &in_scripts);
        if (in_scripts.worst != OUTSIDE_NO)
                complain("note: %s has %s: what that starts may lie in another control group, and is not killed then",
                                in_scripts.path, in_scripts.finding.what);
        return CTL_OK;
}
