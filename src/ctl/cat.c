/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl cat UNIT...: the files in which options of a unit stand, with their lines, and the options that follow from
 * them, defaults included. By the files of this machine: leased need not run. Of a unit that has no file here, the
 * files that were submitted to the cluster, if leased runs and the caller is root.
 */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"
#include "ctl/bus.h"
#include "ctl/leases.h"
#include "ctl/files.h"
#include "ctl/option-files.h"
#include "ctl/options.h"
#include "ctl/output.h"
#include "ctl/submitted.h"
#include "util/text.h"

static void say_lines(const char *text) {
        for (const char *l = text; *l; l += strcspn(l, "\n"), l += *l == '\n')
                say("%.*s", (int) strcspn(l, "\n"), l);
}

static void print_file(const char *heading, const char *text) {
        say("%s# %s%s", colour_on(COLOUR_BOLD), heading, colour_off());
        say_lines(text);
}

static void print(const OptionFiles *files, const char *options) {
        for (size_t i = 0; i < files->n; i++) {
                print_file(files->list[i].path, files->list[i].text);
                say("%s", "");
        }
        print_file(files->n > 0 ? "Together, with the defaults:" : "No file sets an option; the defaults:", options);
}

static json_t *to_json(const char *unit, const OptionFiles *files, const char *options) {
        json_t *list = json_array();

        for (size_t i = 0; i < files->n; i++)
                (void) json_array_append_new(list, json_pack("{s:s, s:o}", "path", files->list[i].path, "text",
                                                                   json_string(text_mend(files->list[i].text))));
        return json_pack("{s:s, s:o, s:s}", "unit", unit, "files", list, "options", options);
}

static char *list(const UnitOptions *options) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return NULL;
        r = options ? unit_options_list(options, f) : 0;
        if (fclose(f) == 0 && r >= 0)
                return text;
        free(text);
        return NULL;
}

/* A unit that is not there has no options, and would be shown with the defaults. */
static bool is_nowhere(Ctl *ctl, const char *unit) {
        json_auto_t *props = NULL;

        return !files_listed(unit) && bus_load_unit(ctl->bus, unit, PID1_UNIT, &props, NULL) >= 0 &&
               streq(get_string(props, "LoadState"), "not-found");
}

static int complain_nowhere(const char *unit) {
        _cleanup_free_ char *near = files_near(unit);

        complain("%s: there is no such unit on this machine%s%s%s", unit, near ? ", did you mean '" : "",
                        strempty(near), near ? "'?" : "");
        return CTL_NO_SUCH_UNIT;
}

static int cat_one(Ctl *ctl, const char *typed, json_t *rows) {
        _cleanup_(option_files_done) OptionFiles files = {};
        _cleanup_(messages_done) Messages m = {};
        _cleanup_free_ char *unit = unit_name_resolve(ctl, typed), *text = NULL;
        const UnitOptions *options = NULL;
        int r = unit ? options_preview(unit, &options, &m) : -ENOMEM, code;

        if (r == -ENOENT) {
                complain("%s: is not the name of a unit that can be leased", unit);
                return CTL_NO_SUCH_UNIT;
        }
        code = unit ? option_files_read(unit, true, &files) : CTL_FAILED;
        if (code == CTL_OK && files.n == 0 && geteuid() == 0 && bus_leased_runs(ctl->bus) > 0 &&
                        submitted_print(ctl, unit, rows) == CTL_OK)
                return CTL_OK;
        if (code == CTL_OK && files.n == 0 && is_nowhere(ctl, unit))
                return complain_nowhere(unit);
        text = list(options);
        if (code != CTL_OK || !text)
                return code != CTL_OK ? code : ctl_fail("%s: out of memory", unit);
        if (ctl->json != JSON_OFF)
                (void) json_array_append_new(rows, to_json(unit, &files, text));
        else
                print(&files, text);
        print_messages(&m);
        if (r < 0 && m.n == 0)
                complain("%s: its options cannot be read: %s", unit, strerror(-r));
        return r < 0 ? CTL_FAILED : CTL_OK;
}

int verb_cat(Ctl *ctl, int argc, char **argv) {
        json_auto_t *rows = json_array();
        int code = CTL_OK;

        say_whole_lines();
        for (int i = 0; i < argc; i++) {
                int c;

                if (i > 0 && ctl->json == JSON_OFF)
                        say("%s", "");
                c = cat_one(ctl, argv[i], rows);
                if (c != CTL_OK)
                        code = c;
        }
        if (ctl->json != JSON_OFF)
                print_json(ctl, rows);
        return code;
}
