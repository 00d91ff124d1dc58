/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl without a verb: the cluster on one screen. What is wrong comes first, then each machine with its units.
 * With -w the screen is drawn again and again, each time by one write, until q is pressed.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/cluster.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/stamp.h"

#define SETTLES (3 * USEC_PER_SEC) /* after its start leased knows all by then */

enum {
        NAME_COLUMNS_MIN = 12,
        NAME_COLUMNS_MAX = 42, /* longer names are cut */
        REST_COLUMNS = 38,     /* of a unit's line without its name */
        REFRESH_MS = 1000,
        UNITS_SIZE = 192, /* of the text of the counts of units */
};

/* Gives how many columns a name may take, so that the rest of the line fits. */
static size_t names_max(void) {
        size_t columns = say_columns();

        if (columns < NAME_COLUMNS_MIN + REST_COLUMNS)
                return NAME_COLUMNS_MIN;
        return MIN(columns - REST_COLUMNS, (size_t) NAME_COLUMNS_MAX);
}

/* ---- what is wrong ---- */

static void print_wrong(const json_t *cluster) {
        const json_t *wrong = json_object_get(cluster, "wrong");
        size_t i, width = 0;
        json_t *each;

        json_array_foreach((json_t *) wrong, i, each)
                width = MAX(width, output_columns(get_string(each, "subject")));
        width = MIN(width, names_max());
        json_array_foreach((json_t *) wrong, i, each) {
                const char *next = get_string(each, "next");
                char name[256];

                say_wrapped(width + 4, "  %s%s%s  %s%s%s", colour_on(COLOUR_RED),
                                output_fit(name, sizeof(name), get_string(each, "subject"), width), colour_off(),
                                get_string(each, "text"), *next ? "; " : "", next);
        }
        if (json_array_size(wrong) > 0)
                say("%s", "");
}

/* ---- machines and their units ---- */

/* Whether the unit is shown below the machine: the machine holds its lease, or the unit is in a state there that
 * people should see. */
static bool is_there(const json_t *unit) {
        static const char *const there[] = { "running", "starting", "stopping", "stopped", "frozen", "failed",
                "releasing", "acquiring", "held", "damaged" };

        if (get_boolean(unit, "holds"))
                return true;
        for (size_t i = 0; i < ELEMENTSOF(there); i++)
                if (streq(get_string(unit, "state"), there[i]))
                        return true;
        return false;
}

static size_t names_width(const json_t *machines) {
        size_t i, j, width = 0;
        json_t *machine, *unit;

        json_array_foreach((json_t *) machines, i, machine)
                json_array_foreach(json_object_get(machine, "units"), j, unit)
                        if (is_there(unit))
                                width = MAX(width, output_columns(get_string(unit, "unit")));
        return MIN(width, names_max());
}

/* Gives the state of a unit as people should see it. Of a silent machine it is not known for sure, also in the moment
 * in which the lease of the unit has not run out yet. */
static const char *state_shown(const json_t *machine, const json_t *unit) {
        const char *state = get_string(unit, "state");

        if (json_is_false(json_object_get(machine, "up")) && streq(state, "running"))
                return "silent";
        return state;
}

static void print_unit(const json_t *machine, const json_t *unit, size_t width) {
        const char *state = state_shown(machine, unit), *result = get_string(unit, "result");
        bool failed = streq(state, "failed");
        usec_t since = (usec_t) get_integer(unit, "since_usec");
        char name[256], stamp[32], from[48] = "", why[64] = "";

        if (since == 0 && get_boolean(unit, "holds"))
                since = (usec_t) get_integer(unit, "held_since_usec");
        if (failed && *result)
                (void) snprintf(why, sizeof(why), ", %s", result);
        if (since > 0)
                (void) snprintf(from, sizeof(from), " since %s", stamp_format(stamp, sizeof(stamp), since));
        say_wrapped(4, "  %s  %s%-9s%s%s%s", output_fit(name, sizeof(name), get_string(unit, "unit"), width),
                        colour_on(streq(state, "silent") ? COLOUR_RED : colour_of_state(state)), state, colour_off(),
                        from, why);
}

static void print_machine(const json_t *machines, const json_t *machine, size_t width) {
        const json_t *up = json_object_get(machine, "up"), *units = json_object_get(machine, "units");
        json_int_t age = get_integer(machine, "heard_ago_usec");
        const char *version = get_string(machine, "version");
        char name[HOSTNAME_SHOWN], span[32], stamp[32], heard[64] = "", since[40] = "";
        size_t shown = 0, i;
        json_t *unit;

        (void) machine_name(machines, get_string(machine, "machine_id"), name, sizeof(name));
        /* Of the machine itself that says nothing, unless its beats fail. */
        if (json_is_integer(json_object_get(machine, "heard_ago_usec")) &&
                        (!get_boolean(machine, "here") || !json_is_true(up) || machine_is_late(machine)))
                (void) snprintf(heard, sizeof(heard), ", last heard %s ago",
                                format_span(span, sizeof(span), (usec_t) age));
        if (machine_since(machine) > 0)
                (void) snprintf(since, sizeof(since), " since %s",
                                stamp_format(stamp, sizeof(stamp), machine_since(machine)));
        say_wrapped(4, "%s%s%s%s: %s%s%s%s%s%s%s%s", colour_on(COLOUR_BOLD), name, colour_off(),
                        get_boolean(machine, "here") ? " (here)" : "",
                        colour_on(json_is_true(up) ? COLOUR_GREEN : COLOUR_RED),
                        json_is_null(up)   ? "unknown"
                        : json_is_true(up) ? "up"
                                           : "silent",
                        colour_off(), since, get_boolean(machine, "draining") ? ", drains" : "", heard,
                        *version ? ", leased " : "", version);
        json_array_foreach((json_t *) units, i, unit)
                if (is_there(unit)) {
                        print_unit(machine, unit, width);
                        shown++;
                }
        if (shown == 0)
                say("  %sno unit%s", colour_on(COLOUR_GREY), colour_off());
}

/* ---- the summary ---- */

typedef struct Counts {
        size_t machines, up, units, running, starting, stopping, frozen, done, held;
} Counts;

/* Counts the unit on its holder. */
static void count_held(Counts *n, const char *state) {
        if (streq(state, "running"))
                n->running++;
        else if (streq(state, "starting"))
                n->starting++;
        else if (streq(state, "stopping") || streq(state, "releasing"))
                n->stopping++;
        else if (streq(state, "frozen"))
                n->frozen++;
        else if (streq(state, "held"))
                n->held++;
}

/* Notes how many leases the unit has. A unit that is to run everywhere, and does not fit here, counts nowhere: other
 * machines do not tell of theirs. */
static void note_unit(json_t *units, json_t *done, const json_t *row) {
        const char *name = get_string(row, "unit"), *state = get_string(row, "state");

        if (!*get_string(row, "lease") && streq(state, "waiting"))
                return;
        if (get_integer(row, "copies") >= get_integer(units, name))
                (void) json_object_set_new(units, name, json_integer(MAX(get_integer(row, "copies"), 1)));
        if (streq(state, "done"))
                (void) json_object_set_new(done, name, json_true());
}

static Counts count(const json_t *cluster) {
        json_auto_t *names = json_object(), *done = json_object();
        json_t *machine, *unit, *copies;
        const char *name;
        Counts n = {};
        size_t i, j;

        json_array_foreach(json_object_get(cluster, "machines"), i, machine) {
                n.machines++;
                n.up += get_boolean(machine, "up");
                json_array_foreach(json_object_get(machine, "units"), j, unit) {
                        note_unit(names, done, unit);
                        if (get_boolean(unit, "holds") || !*get_string(unit, "lease"))
                                count_held(&n, state_shown(machine, unit));
                }
        }
        n.done = json_object_size(done);
        json_object_foreach(names, name, copies) /* each copy counts as a unit */
                n.units += (size_t) json_integer_value(copies);
        return n;
}

/* Writes "2 of 4 units running, 1 starting, 1 done". What is wrong has lines of its own, so here only that is counted
 * which is well although it does not run, and what is frozen: it is neither gone nor does it run. */
static char *format_units(char *buf, size_t size, const Counts *n) {
        const struct {
                size_t n;
                const char *word;
        } others[] = {
                { n->starting, "starting" },
                { n->stopping, "stopping" },
                { n->frozen, "frozen" },
                { n->done, "done" },
                { n->held, "held" },
        };
        int at = snprintf(buf, size, "%zu of %zu unit%s running", n->running, n->units, n->units == 1 ? "" : "s");

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (others[i].n > 0 && (size_t) at < size)
                        at += snprintf(buf + at, size - (size_t) at, ", %zu %s", others[i].n, others[i].word);
        return buf;
}

static void print_summary(const json_t *cluster) {
        const json_t *registry = json_object_get(cluster, "registry");
        bool well = get_boolean(cluster, "well");
        Counts n = count(cluster);
        char units[UNITS_SIZE], counts[UNITS_SIZE + 64] = "what other machines do is not known";

        if (!get_boolean(cluster, "known") && n.frozen > 0) /* that is this machine's, which knows of its own */
                (void) snprintf(counts, sizeof(counts), "what other machines do is not known, %zu frozen here",
                                n.frozen);
        if (get_boolean(cluster, "known"))
                (void) snprintf(counts, sizeof(counts), "%zu of %zu machine%s up, %s", n.up, n.machines,
                                n.machines == 1 ? "" : "s", format_units(units, sizeof(units), &n));
        say_wrapped(4, "%s%s%s: %s; registry %s, %s", colour_on(well ? COLOUR_GREEN : COLOUR_RED),
                        well ? "well" : "something is wrong", colour_off(), counts, get_string(registry, "kind"),
                        get_string(registry, "state"));
        if (*get_string(cluster, "paused"))
                say_wrapped(4, "%s%s%s", colour_on(COLOUR_YELLOW), get_string(cluster, "paused"), colour_off());
}

static void print_cluster(const json_t *cluster) {
        const json_t *machines = json_object_get(cluster, "machines");
        size_t width = names_width(machines), i;
        json_t *machine;

        print_summary(cluster);
        say("%s", "");
        print_wrong(cluster);
        json_array_foreach((json_t *) machines, i, machine)
                print_machine(machines, machine, width);
}

/* Prints one line for monitoring: the first thing that is wrong, and how many more there are. */
static void print_line(const json_t *cluster) {
        const json_t *wrong = json_object_get(cluster, "wrong"), *first = json_array_get(wrong, 0);
        const char *paused = get_string(cluster, "paused"), *next = get_string(first, "next");
        Counts n = count(cluster);
        char units[UNITS_SIZE], more[32] = "";

        if (json_array_size(wrong) > 1)
                (void) snprintf(more, sizeof(more), " (and %zu more)", json_array_size(wrong) - 1);
        if (first)
                say("WRONG: %s %s%s%s%s", get_string(first, "subject"), get_string(first, "text"), *next ? "; " : "",
                                next, more);
        else
                say("OK: %zu machine%s up, %s%s%s", n.up, n.up == 1 ? "" : "s", format_units(units, sizeof(units), &n),
                                *paused ? "; " : "", paused);
}

/* ---- again and again ---- */

static volatile sig_atomic_t ended;

static void on_signal(int number) {
        ended = 1;
}

/* Waits until the screen is to be drawn again: after REFRESH_MS or at any key. Returns true if it is not, for q was
 * pressed, the terminal is gone, or a signal has asked this program to end. */
static bool wait_for_key(void) {
        struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
        char key = 0;

        if (poll(&fd, 1, REFRESH_MS) > 0 && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q'))
                return true;
        return ended;
}

/* Draws the cluster again and again. Returns CTL_OK or CTL_FAILED by whether all was well at the end, or the exit code
 * of cluster_read() if leased does not answer any more. */
static int watch(Ctl *ctl) {
        struct sigaction act = { .sa_handler = on_signal };
        struct termios before, raw;
        bool answered;
        int code;

        if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) < 0) {
                complain("-w: needs a terminal; to print once: leasectl -1");
                return CTL_USAGE;
        }
        raw = before;
        raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
        (void) sigaction(SIGINT, &act, NULL);
        (void) sigaction(SIGTERM, &act, NULL);
        (void) sigaction(SIGHUP, &act, NULL);
        (void) tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        say_screen_begin();
        do {
                json_auto_t *cluster = NULL;

                code = cluster_read(ctl, &cluster);
                answered = code == CTL_OK;
                if (!answered)
                        break;
                code = get_boolean(cluster, "well") ? CTL_OK : CTL_FAILED;
                say_screen_clear();
                print_cluster(cluster);
                say_screen_show();
        } while (!wait_for_key());
        say_screen_end();
        (void) tcsetattr(STDIN_FILENO, TCSANOW, &before);
        if (!answered) /* cluster_read() has said why, but that is gone with the screen */
                complain("leased does not answer any more, so the screen has ended");
        return code;
}

/* Whether it is known of each machine whether it is up. */
static bool all_known(const json_t *cluster) {
        json_t *machine;
        size_t i;

        json_array_foreach(json_object_get(cluster, "machines"), i, machine)
                if (json_is_null(json_object_get(machine, "up")))
                        return false;
        return true;
}

/* Reads the cluster. In the first seconds after its start leased does not know everything yet: if something is wrong
 * then, or not known, reads again until nothing is, or these seconds are over. */
static int read_settled(Ctl *ctl, json_t **ret) {
        usec_t until = usec_add(now_boottime(), SETTLES);

        for (;;) {
                json_auto_t *cluster = NULL;
                int code = cluster_read(ctl, &cluster);
                json_int_t since = get_integer(json_object_get(cluster, "registry"), "since_usec");

                if (code != CTL_OK || (get_boolean(cluster, "well") && all_known(cluster)) ||
                                now_boottime() >= until || now_realtime() >= usec_add((usec_t) since, SETTLES) ||
                                bus_wait(ctl->bus, SETTLES / 10) < 0) {
                        *ret = TAKE_PTR(cluster);
                        return code;
                }
        }
}

int verb_screen(Ctl *ctl, int argc, char **argv) {
        json_auto_t *cluster = NULL;
        int code;

        if (ctl->watch)
                return watch(ctl);
        code = read_settled(ctl, &cluster);
        if (code != CTL_OK)
                return code;
        if (ctl->json != JSON_OFF)
                print_json(ctl, cluster);
        else if (ctl->one_line)
                print_line(cluster);
        else {
                if (!ctl->once)
                        pager_open(ctl);
                print_cluster(cluster);
                pager_close();
        }
        return get_boolean(cluster, "well") ? CTL_OK : CTL_FAILED;
}
