/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl prove: whether each tenure of a unit was over before the next began on another machine, by the journals of
 * the machines. With files it asks nobody, so that an auditor can use it anywhere; all that it says names the entries
 * by which it can be checked with journalctl.
 *
 * The verdict trusts leased and its guard: the Indexes, the revisions, and that no process was left are known from
 * their entries alone. tell_marks() says of each entry who wrote it. PID 1 and the unit's own processes tell when the
 * unit was alive, which can contradict a verdict, and proves none.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/program.h"
#include "ctl/verdict.h"
#include "util/file-util.h"
#include "util/text.h"
#include "util/unit-name.h"

#define CLOCK_SIZE 32

/* Writes a time as UTC with milliseconds: journals of machines in different places are compared. */
static void format_mark(const json_t *mark, char *buf, size_t size) {
        json_int_t realtime = get_integer(mark, "realtime_usec");
        time_t seconds = (time_t) (realtime / (json_int_t) USEC_PER_SEC);
        struct tm tm;
        size_t n;

        if (realtime == 0 || !gmtime_r(&seconds, &tm) || !(n = strftime(buf, size, "%F %T", &tm)))
                str_copy(buf, size, "-");
        else
                (void) snprintf(buf + n, size - n, ".%03d", (int) (realtime / 1000 % 1000));
}

/* ---- the journals ---- */

/* More is not taken from a machine, whatever it answers. */
#define JOURNAL_MAX ((size_t) 256 * 1024 * 1024)
#define JOURNAL_TIME (5 * USEC_PER_MINUTE)

/* Takes one file, and says what is wrong with it. */
static int take_file(Proof *p, const char *path, const char *name) {
        size_t line;
        int r = proof_read(p, path, &line);

        if (r == -EBADMSG)
                return ctl_fail("%s:%zu: no entry of a journal; expected is what \"journalctl -o json\" writes", name,
                                line);
        if (r == -EEXIST)
                return ctl_fail("%s:%zu: an entry of a machine of which another file has entries; give one file for "
                                "each machine",
                                name, line);
        if (r == -EFBIG)
                return ctl_fail("%s:%zu: a line of more than 1 MiB, or more runs and tenures than can be judged", name,
                                line);
        return r < 0 ? ctl_fail("%s: %s", name, strerror(-r)) : CTL_OK;
}

/* Has the journal of a machine written into a file, over SSH if host is not NULL. Neither the name of a unit nor a
 * time has a quote in it. */
static int fetch(const Ctl *ctl, const char *unit, const char *host, const char *name, int file) {
        _cleanup_free_ char *command = text_format("journalctl --quiet --no-pager -o json -u '%s' -u leased -u "
                                                   "leased-guard%s%s%s",
                        unit, ctl->since ? " --since='" : "", strempty(ctl->since), ctl->since ? "'" : "");
        const char *const here[] = { "/bin/sh", "-c", command, NULL };
        const char *const there[] = { "ssh", "-xT", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=5", "-o",
                "ConnectTimeout=10", "--", host, command, NULL };
        int r = -EINVAL;

        if (!command)
                return ctl_fail("out of memory");
        if (ftruncate(file, 0) < 0 || lseek(file, 0, SEEK_SET) < 0)
                return ctl_fail("/var/tmp: %s", strerror(errno));
        if (!host || program_is_host(host))
                r = program_save(host ? there : here, JOURNAL_TIME, JOURNAL_MAX, file);
        return r == 0 ? CTL_OK
                      : ctl_fail("the journal of %s cannot be read%s%s%s; there: %s", name, host ? " over SSH" : "",
                                        program_trouble(r), r == -EFBIG ? ", --since= asks for less" : "", command);
}

/* Reads the journals of all machines. One that cannot be read is told, and missing in the proof: then *ret_all is
 * false. */
static int read_machines(Ctl *ctl, Proof *p, bool *ret_all) {
        char path[] = "/var/tmp/leasectl-prove-XXXXXX";
        json_auto_t *machines = NULL;
        json_t *machine;
        size_t i;
        _cleanup_close_ int fd = -1;
        int code = machines_read(ctl, &machines);

        if (code != CTL_OK)
                return code;
        fd = mkstemp(path);
        if (fd < 0)
                return ctl_fail("%s: %s", path, strerror(errno));
        (void) unlink(path); /* so that it is gone however we end */
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        json_array_foreach(machines, i, machine) {
                const char *name = get_string(machine, "hostname");

                if (fetch(ctl, p->unit, get_boolean(machine, "here") ? NULL : name, name, fd) != CTL_OK)
                        *ret_all = false;
                else if (code == CTL_OK)
                        code = take_file(p, path, name);
        }
        return code;
}

/* ---- what is said ---- */

static const char *name_of(const json_t *tenure) {
        return get_string(tenure, "hostname");
}

static void tell_mark(const json_t *tenure, const char *mark, const char *what) {
        const json_t *value = json_object_get(tenure, mark);
        json_int_t revision = get_integer(value, "revision");
        char clock[CLOCK_SIZE], number[64] = "";

        if (!value)
                return;
        format_mark(value, clock, sizeof(clock));
        if (revision > 0)
                (void) snprintf(number, sizeof(number), ", revision %lld", (long long) revision);
        say_wrapped(8, "    %s  %s: %s%s", clock, name_of(tenure), what, number);
}

/* Names the entries by which the one was over and the other began. */
static void tell_marks(const json_t *from, const json_t *to) {
        tell_mark(from, "last", "last entry of the unit alive");
        tell_mark(from, "ended", "PID 1: the unit has ended");
        tell_mark(from, "empty", "leased or its guard: no process is left");
        tell_mark(from, "left", "leased: the lease is given away");
        if (!json_object_get(from, "empty") && !json_object_get(from, "left"))
                tell_mark(from, "booted", "first entry of the next boot");
        tell_mark(to, "acquired", "leased: the lease is acquired");
        tell_mark(to, "first", "first entry of the unit alive");
}

/* Writes why the move is not proven. */
static void explain(const json_t *move, const json_t *from, const json_t *to, char *buf, size_t size) {
        const char *a = name_of(from), *holder = get_string(move, "holder"), *text;
        long long before = (long long) get_integer(to, "index") - 1;
        double gap = (double) get_integer(move, "gap_usec") / 1e6;

        switch (verdict_reason(get_string(move, "why"))) {
        case UNPROVEN_MISSING:
                (void) snprintf(buf, size, "no journal here tells of Index %lld, which %s had", before,
                                *holder ? holder : "another machine may have");
                return;
        case UNPROVEN_CLOCKS:
                (void) snprintf(buf, size,
                                "the lease was taken by time, so only two clocks say that %.3f s lay between; "
                                "--clocks= says by how much they may differ",
                                gap);
                return;
        case UNPROVEN_INDEX:
                text = "has no entry of leased that tells the Index, or the other one has none";
                break;
        case UNPROVEN_BREAKS:
                text = "breaks off, so no entry says when before its next boot the unit ended";
                break;
        case UNPROVEN_NO_END:
                text = "has no entry of PID 1 that the unit has ended";
                break;
        case UNPROVEN_LATER:
                text = "has an entry that a process of the unit wrote after PID 1 had called it ended";
                break;
        default:
                text = "has no entry that no process was left";
        }
        (void) snprintf(buf, size, "the journal of %s %s", a, text);
}

/* Writes what was found of a move, and by what. */
static void sum_up(const json_t *move, const json_t *from, const json_t *to, char *buf, size_t size) {
        const char *verdict = get_string(move, "verdict");
        char why[256];

        if (streq(verdict, "unproven")) {
                explain(move, from, to, why, sizeof(why));
                (void) snprintf(buf, size, "%snot proven%s, %s", colour_on(COLOUR_YELLOW), colour_off(), why);
        } else if (streq(verdict, "overlap"))
                (void) snprintf(buf, size, "%soverlap%s, both were alive at once by the two clocks",
                                colour_on(COLOUR_RED), colour_off());
        else
                (void) snprintf(buf, size, "%sproven%s, %s", colour_on(COLOUR_GREEN), colour_off(),
                                streq(get_string(move, "by"), "registry")
                                                ? "by the order of revisions in the registry, without a clock"
                                                : "if the two clocks differ by no more than --clocks= says");
}

static void tell_move(const Proof *p, const json_t *move) {
        const json_t *from = json_array_get(p->tenures, (size_t) get_integer(move, "from")),
                     *to = json_array_get(p->tenures, (size_t) get_integer(move, "to"));
        char text[512];

        sum_up(move, from, to, text, sizeof(text));
        say("%s", "");
        say_wrapped(2, "%s %lld -> %s %lld: %s", name_of(from), (long long) get_integer(from, "index"), name_of(to),
                        (long long) get_integer(to, "index"), text);
        tell_marks(from, to);
        if (streq(get_string(move, "by"), "registry") && get_integer(move, "gap_usec") < 0)
                say_wrapped(8, "    by the two clocks the second was first, so these differ by %.3f s or more",
                                (double) -get_integer(move, "gap_usec") / 1e6);
}

static void tell(const Ctl *ctl, const Proof *p) {
        static const Column columns[] = {
                { .title = "MACHINE", .key = "hostname" },
                { .title = "INDEX", .key = "index", .format = format_json_index, .right = true },
                { .title = "FIRST (UTC)", .key = "first", .format = format_mark },
                { .title = "LAST (UTC)", .key = "last", .format = format_mark },
        };
        const json_t *move;
        size_t i;

        print_rows(ctl, p->tenures, columns, ELEMENTSOF(columns), "No tenure of it is in these journals.");
        json_array_foreach(p->moves, i, move)
                tell_move(p, move);
}

static void tell_json(const Ctl *ctl, const Proof *p) {
        json_auto_t *all = json_pack("{s:s, s:o, s:O, s:O}", "unit", p->unit, "clocks_usec",
                        p->clocks == USEC_INFINITY ? json_null() : json_integer((json_int_t) p->clocks), "tenures",
                        p->tenures, "moves", p->moves);
        json_t *tenure, *list, *value;
        const char *id;
        size_t i;

        json_array_foreach(p->tenures, i, tenure) {
                list = json_array();
                json_object_foreach(json_object_get(tenure, "invocations"), id, value)
                        (void) json_array_append_new(list, json_string(id));
                (void) json_object_set_new(tenure, "invocations", list);
        }
        print_json(ctl, all);
}

/* 0: every move is proven, 1: tenures overlap, 6: neither. */
static int exit_code(const Proof *p) {
        int code = CTL_OK;
        const json_t *move;
        size_t i;

        json_array_foreach(p->moves, i, move) {
                if (streq(get_string(move, "verdict"), "overlap"))
                        return CTL_FAILED;
                if (!streq(get_string(move, "verdict"), "proven"))
                        code = CTL_UNKNOWN;
        }
        return code;
}

int verb_prove(Ctl *ctl, int argc, char **argv) {
        _cleanup_free_ char *unit = NULL;
        int code = argc == 1 ? bus_connect(ctl) : CTL_OK;
        bool all = true;
        Proof p;

        if (code != CTL_OK)
                return code;
        unit = argc == 1 ? unit_name_resolve(ctl, argv[0]) : unit_name_complete(argv[0]);
        if (!unit || unit_name_kind(unit) == UNIT_NAME_INVALID) {
                complain("%s: is no name of a unit", argv[0]);
                return CTL_NO_SUCH_UNIT;
        }
        if (argc > 1 && ctl->since) {
                complain("--since= is for journals that are asked for; give it to journalctl when it writes the "
                         "files");
                return CTL_USAGE;
        }
        proof_init(&p, unit);
        p.clocks = ctl->clocks;
        if (argc == 1)
                code = read_machines(ctl, &p, &all);
        for (int i = 1; i < argc && code == CTL_OK; i++)
                code = take_file(&p, argv[i], argv[i]);
        if (code == CTL_OK && p.has_copies)
                code = ctl_fail("prove: %s has copies, each with a lease of its own (Copies=), and journals tell only "
                                "of "
                                "units with one lease which tenure was over before which",
                                unit);
        else if (code == CTL_OK) {
                verdict_judge(&p);
                if (ctl->json == JSON_OFF)
                        tell(ctl, &p);
                else
                        tell_json(ctl, &p);
                code = exit_code(&p);
                if (code == CTL_OK && !all)
                        code = CTL_UNKNOWN;
        }
        proof_done(&p);
        return code;
}
