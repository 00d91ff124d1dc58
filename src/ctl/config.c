/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl config: shows each option of leased.conf, its value, and the file and line that set it. leased need not
 * run; if it runs with another value than the files now have, this is said beside the option.
 */

#include <errno.h>
#include <stdio.h>

#include "conf/conf.h"
#include "ctl/bus.h"
#include "ctl/output.h"
#include "util/text.h"

enum {
        VALUE_COLUMNS = 26, /* the column in which it says where an option was set, if "OPTION=VALUE" leaves it free */
};

/* Gives the value that leased has in force for the option, borrowed from running, its lines "OPTION=VALUE"; NULL if
 * this is not known. */
static const char *running_value(const json_t *running, const char *option) {
        size_t n = strlen(option);

        for (size_t i = 0; i < json_array_size(running); i++) {
                const char *line = string_at(running, i);

                if (strncmp(line, option, n) == 0 && line[n] == '=')
                        return line + n + 1;
        }
        return NULL;
}

/* Gives the lines of the Manager's property, or NULL if leased does not run or cannot be asked. */
static json_t *read_running(const Ctl *ctl) {
        json_auto_t *manager = NULL;

        if (bus_leased_runs(ctl->bus) <= 0 || bus_get_manager(ctl->bus, &manager, NULL) < 0)
                return NULL;
        return json_incref(json_object_get(manager, "Configuration"));
}

/* ---- rows ---- */

typedef struct Rows {
        json_t *list;
        const json_t *running;
} Rows;

static void add_row(const char *option, const char *value, const char *where, void *userdata) {
        Rows *rows = userdata;
        const char *running = running_value(rows->running, option);

        (void) json_array_append_new(rows->list, json_pack("{s:s, s:s, s:s?, s:s?}", "option", option, "value", value,
                                                                 "where", where, "running", running));
}

static bool differs(const json_t *row) {
        const char *running = json_string_value(json_object_get(row, "running"));

        return running && !streq(running, get_string(row, "value"));
}

static void print_row(const json_t *row) {
        const char *where = json_string_value(json_object_get(row, "where")) ?: "default";
        _cleanup_free_ char *setting = text_format("%s=%s", get_string(row, "option"), get_string(row, "value"));
        bool fits = setting && output_columns(setting) < VALUE_COLUMNS;

        if (fits)
                say("%s%*s%s", setting, (int) (VALUE_COLUMNS - output_columns(setting)), "", where);
        else {
                say("%s", strempty(setting));
                say("%*s%s", VALUE_COLUMNS, "", where);
        }
        if (differs(row))
                say("%*s%sleased runs with %s=%s%s", VALUE_COLUMNS, "", colour_on(COLOUR_YELLOW),
                                get_string(row, "option"), get_string(row, "running"), colour_off());
}

/* ---- the verb ---- */

static void print_files(char *const *files) {
        say(files ? "Files, of which a later one replaces what an earlier one says:" : "No file: all are defaults.");
        for (char *const *f = files; f && *f; f++)
                say("    %s", *f);
        say("%s", "");
}

static void print_people(const Ctl *ctl, char *const *files, const json_t *rows) {
        bool any = false;
        json_t *row;
        size_t i;

        if (ctl->legend)
                print_files(files);
        json_array_foreach((json_t *) rows, i, row) {
                print_row(row);
                any = any || differs(row);
        }
        if (any && ctl->legend)
                say("\nFor TTL= and Metadata=: leasectl reload. For all else: systemctl restart leased");
}

static json_t *json_of(char *const *lines) {
        json_t *list = json_array();

        for (char *const *l = lines; l && *l; l++)
                (void) json_array_append_new(list, json_string(*l));
        return list;
}

/* The files cannot be used as they are: says why, and what leased goes on with if it runs. */
static int show_bad(const Ctl *ctl, const Messages *m, char *const *files, const json_t *running) {
        size_t i;
        json_t *line;

        print_messages(m);
        if (ctl->json != JSON_OFF) {
                json_auto_t *all = json_pack("{s:o, s:o, s:[], s:O*}", "files", json_of(files), "errors",
                                json_of(m->lines), "options", "running", running);

                print_json(ctl, all);
        } else if (running) {
                say("leased goes on with what it had before:");
                json_array_foreach((json_t *) running, i, line)
                        say("    %s", strempty(json_string_value(line)));
        }
        return CTL_FAILED;
}

int verb_config(Ctl *ctl, int argc, char **argv) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages m = {}, again = {};
        _cleanup_(strv_freep) char **files = NULL;
        json_auto_t *running = read_running(ctl), *all = NULL;
        Rows rows = { .running = running };
        int r = leased_conf_files("", &files, &again);

        if (r >= 0)
                r = leased_conf_load("", &conf, &m);
        if (r < 0 && m.n == 0)
                return ctl_fail("leased.conf: cannot be read: %s", strerror(-r));
        if (r < 0)
                return show_bad(ctl, &m, files, running);
        all = json_pack("{s:o, s:[], s:[]}", "files", json_of(files), "errors", "options");
        rows.list = json_object_get(all, "options");
        if (!rows.list || leased_conf_each(conf, add_row, &rows) < 0)
                return ctl_fail("leased.conf: cannot be shown: %s", strerror(ENOMEM));
        if (ctl->json != JSON_OFF)
                print_json(ctl, all);
        else
                print_people(ctl, files, rows.list);
        return CTL_OK;
}
