/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl logs: shows the last lines of a unit's journal on the machine where the unit runs. For another machine that
 * is asked over SSH, by the machine's host name; if that cannot be, the command is named that shows the lines there.
 */

#include "ctl/logs.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/dropin.h"
#include "core/record.h"
#include "ctl/cluster.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/program.h"
#include "ctl/registry.h"
#include "ctl/where.h"
#include "util/file-util.h"
#include "util/text.h"
#include "util/time-util.h"
#include "util/unit-name.h"

/* How long ssh may take to connect, and how long there is for all lines. */
typedef struct Patience {
        const char *connect;
        usec_t whole;
} Patience;

/* If the lines are what was asked for, and if they are shown besides. */
static const Patience patiently = { "ConnectTimeout=10", USEC_PER_MINUTE };
static const Patience briefly = { "ConnectTimeout=2", 15 * USEC_PER_SEC };

/* More is not taken from a machine, whatever it answers: bytes, and lines for --json. */
#define ANSWER_MAX ((size_t) 16 * 1024 * 1024)
#define LINES_MAX 100000

/* Gives the command that shows the lines, as a shell takes it, owned by the caller; NULL if memory is short. The name
 * of a unit has no quote in it. */
static char *command_new(const char *unit, unsigned lines) {
        return text_format("journalctl --no-pager -n %u -u '%s'", lines, unit);
}

/* Reads what was written to a file. NULL: memory is short. */
static char *read_back(int fd) {
        off_t size = lseek(fd, 0, SEEK_END);
        char *text = size < 0 ? NULL : calloc(1, (size_t) size + 1);

        if (text && pread(fd, text, (size_t) size, 0) < 0)
                text[0] = '\0';
        return text;
}

/* Reads the last lines of a unit's journal, on this machine if host is NULL. Returns 0, or what program_save()
 * returns. */
static int read_lines(const char *host, const Patience *patience, const char *unit, unsigned lines, char **ret) {
        _cleanup_free_ char *command = command_new(unit, lines);
        const char *const here[] = { "/bin/sh", "-c", command, NULL };
        const char *const there[] = { "ssh", "-xT", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=5", "-o",
                patience->connect, "--", host, command, NULL };
        _cleanup_close_ int fd = program_hold("");
        int r;

        if (host && !program_is_host(host))
                return -EINVAL;
        if (!command || fd < 0)
                return command ? fd : -ENOMEM;
        r = program_save(host ? there : here, patience->whole, ANSWER_MAX, fd);
        if (r == 0 && !(*ret = read_back(fd)))
                r = -ENOMEM;
        return r;
}

/* Ends the first line of *text, of which *text is what follows then. Returns the line; NULL: there is none. */
static char *next_line(char **text) {
        char *line = *text;
        size_t n = strcspn(line, "\n");

        if (!*line)
                return NULL;
        *text += n + (line[n] == '\n');
        line[n] = '\0';
        return line;
}

static void print_lines(char *text) {
        char *line;

        while ((line = next_line(&text)))
                if (say_has_width())
                        say_wrapped(4, "%s", line);
                else
                        say("%s", line);
}

bool logs_print(const char *host, const char *unit, unsigned lines) {
        _cleanup_free_ char *text = NULL;

        if (read_lines(host, &briefly, unit, lines, &text) != 0)
                return false;
        if (isempty(text) || startswith(text, "-- No entries --"))
                return true;
        say("%s", "");
        print_lines(text);
        return true;
}

/* Gives the row of the machine that holds the unit's lease, or of several copies the one that was named or else this
 * machine's. Borrowed from rows (cluster_units_read()); NULL: there is none. */
static const json_t *find_holder(const json_t *machines, const json_t *rows, const char *unit, unsigned copy) {
        const json_t *found = NULL;
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                if (!streq(get_string(row, "unit"), unit) || !get_boolean(row, "holds") ||
                                (copy > 0 && copy != lease_slot(get_string(row, "lease"))))
                        continue;
                if (!found || get_boolean(machines_find(machines, get_string(row, "machine_id")), "here"))
                        found = row;
        }
        return found;
}

static bool is_enabled(const json_t *rows, const char *unit) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row)
                if (streq(get_string(row, "unit"), unit))
                        return true;
        return false;
}

/* Gives the unit by whose lease this one goes, owned by the caller: a service by that of the timer, socket or path
 * that starts it. Where the files of the unit are not on this machine, the name tells: "foo.service" by "foo.timer".
 * NULL: the unit has a lease of its own, or none, or memory is short. */
static char *find_owner(const json_t *rows, const char *unit) {
        static const char *const triggers[] = { ".timer", ".socket", ".path" };
        char *owner = is_enabled(rows, unit) ? NULL : dropin_owner("", unit);

        if (owner || is_enabled(rows, unit) || !endswith(unit, ".service"))
                return owner;
        for (size_t i = 0; i < ELEMENTSOF(triggers); i++) {
                owner = text_format("%.*s%s", (int) (strlen(unit) - strlen(".service")), unit, triggers[i]);
                if (owner && is_enabled(rows, owner))
                        return owner;
                free(owner);
        }
        return NULL;
}

/* Says whose lines are shown of a unit that nobody holds. One that is enabled nowhere may have a journal from before.
 */
static int explain_free(Ctl *ctl, const char *unit, const json_t *rows, const char *whose) {
        json_auto_t *props = NULL, *manager = NULL;
        bool known = bus_get_manager(ctl->bus, &manager, NULL) >= 0 && registry_known(manager) == CTL_OK;
        bool is_here = bus_get_unit(ctl->bus, unit, &props, NULL) >= 0,
             global = streq(get_string(props, "Lease"), "/");

        if (!known && !global && ctl->legend)
                complain("%s: where it runs is not known now; these lines are of %s", unit, whose);
        if (!known && !global)
                return CTL_UNKNOWN;
        if (!is_here && !is_enabled(rows, unit))
                return where_complain(ctl, unit);
        if (ctl->legend && global)
                complain("%s: runs on every machine that fits; these lines are of %s", unit, whose);
        else if (ctl->legend)
                complain("%s: runs nowhere; these lines are of %s", unit, whose);
        return CTL_OK;
}

/* Lines that are no text are shown as far as they are. */
static json_t *json_of(char *text) {
        json_t *list = json_array();
        char *line;

        while (json_array_size(list) < LINES_MAX && (line = next_line(&text)))
                (void) json_array_append_new(list, json_string(text_mend(line)));
        return list;
}

/* Prints the lines of one unit, or of one copy of it, or with --json adds them to told. The argument several says that
 * lines of other units are printed as well. */
static int print_one(Ctl *ctl, const char *unit, unsigned copy, const json_t *machines, const json_t *rows,
                bool several, json_t *told) {
        bool for_people = ctl->json == JSON_OFF;
        _cleanup_free_ char *text = NULL, *command = command_new(unit, ctl->lines), *owner = find_owner(rows, unit);
        const json_t *holder = find_holder(machines, rows, owner ?: unit, copy), *machine;
        const char *name = "this machine", *host = ctl->host;
        int code = CTL_OK, r;

        machine = holder ? machines_find(machines, get_string(holder, "machine_id")) : NULL;
        if (machine)
                name = get_string(machine, "hostname");
        if (machine && !get_boolean(machine, "here"))
                host = name;
        if (several && ctl->legend && for_people)
                say("%s%s on %s%s", colour_on(COLOUR_BOLD), unit, name, colour_off());
        if (!holder)
                code = explain_free(ctl, owner ?: unit, rows, host ?: name);
        r = read_lines(host, &patiently, unit, ctl->lines, &text);
        (void) json_array_append_new(told,
                        json_pack("{s:s, s:b, s:s?, s:o?}", "unit", unit, "held", holder != NULL, "hostname",
                                        machine ? name : NULL, "lines", r == 0 && !for_people ? json_of(text) : NULL));
        if (r != 0) {
                complain("%s: the journal of %s cannot be read%s%s; there: %s", unit, name, host ? " over SSH" : "",
                                program_trouble(r), strempty(command));
                return CTL_FAILED;
        }
        if (for_people)
                print_lines(text);
        return code;
}

int verb_logs(Ctl *ctl, int argc, char **argv) {
        json_auto_t *machines = NULL, *rows = NULL, *told = json_array();
        int code = machines_read(ctl, &machines);

        if (code == CTL_OK)
                code = cluster_units_read(ctl, "", &rows);
        if (code != CTL_OK)
                return code;
        pager_open(ctl);
        for (int i = 0; i < argc; i++) {
                _cleanup_free_ char *unit = unit_name_resolve(ctl, argv[i]);
                unsigned copy = lease_slot(strempty(unit));
                int c = CTL_NO_SUCH_UNIT;

                if (copy > 0)
                        unit[strcspn(unit, "#")] = '\0';
                if (unit && unit_name_kind(unit) != UNIT_NAME_INVALID)
                        c = print_one(ctl, unit, copy, machines, rows, argc > 1, told);
                else
                        complain("%s: is no name of a unit", argv[i]);
                if (c != CTL_OK)
                        code = c;
        }
        if (ctl->json != JSON_OFF)
                print_json(ctl, told);
        pager_close();
        return code;
}
