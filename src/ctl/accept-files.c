/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl accept-files: what leased runs, in a unit of its own, when a unit was submitted to the cluster.
 *
 * Each record of the registry is judged (accept.h). A good one that is new is kept on disk before anything else is
 * done, and from then on this machine goes by what it has kept: the registry may lose the record or hold an older one.
 * Then the unit's files are written and the unit is enabled as by "leasectl enable", or all is taken away if the unit
 * was destroyed. Every step looks at what is there first, so a command that was killed anywhere is made good by the
 * next one. The record in force is saved before a newer one is kept, since "leasectl check" may refuse the newer one.
 *
 * A unit that runs here in an earlier version keeps its files until another machine has it, as by any higher Version=.
 * A unit that was destroyed stays here until other machines have put it away, for they would start it. Neither is
 * waited for longer than ACCEPT_PATIENCE. Of a unit with Copies= one copy goes over to a new version after the other,
 * also where no machine is without a copy, so that each has to restart where it is.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ctl/accept-unit.h"
#include "ctl/accept.h"
#include "ctl/bus.h"
#include "ctl/output.h"
#include "ctl/pid1.h"
#include "ctl/program.h"
#include "ctl/registry.h"
#include "util/file-util.h"
#include "util/lock-file.h"
#include "util/strv.h"

#define LOCK_FILE "/run/leased/accept.lock"

static void tell(Accepting *a, const char *unit, int64_t version, const char *signer, Outcome o) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_call(a->ctl->bus, &bus_leased, "SetUnitFileOutcome", NULL, &error, "sxsus", unit, version,
                        strempty(signer), (uint32_t) o.why, o.about);

        if (r < 0 || strv_add(&a->told, unit) < 0)
                a->code = bus_complain(unit, r, &error);
        if (o.why == WHY_FILE_NOT_WRITTEN || o.why == WHY_FILE_STAYS)
                a->again = true;
}

/* Records that are refused, of units that this machine has never taken: of more is not told, so that whoever fills the
 * registry with them hides nothing that is told of the others. */
enum { STRANGERS_MAX = 100 };

/* Judges the record, NULL if the registry has none, and has the machine be as the last good one says. */
static void consider(Accepting *a, const char *unit, const char *text) {
        _cleanup_free_ char *signer = NULL, *about = NULL;
        UnitRecord kept, record = {};
        bool any = accept_recall(unit, &kept) > 0;
        Why why = WHY_NONE;
        Outcome o = {}, placed;
        int r = 0;

        if (text) {
                why = accept_judge(a->conf, a->uuid, unit, text, any ? &kept : NULL, &record, &signer, &about);
                o = accept_unit_outcome(why, about);
        }
        if (text && why == WHY_NONE && (!any || record.version > kept.version)) {
                r = any ? accept_unit_save(&kept) : 0;
                if (r >= 0)
                        r = accept_keep(unit, text);
        }
        a->again = a->again || why == WHY_FILE_AHEAD || why == WHY_FILE_NOT_VERIFIED;
        if (r < 0)
                o = accept_unit_failed(r);
        else if ((text && why == WHY_NONE) || any) {
                placed = accept_unit_place(a, text && why == WHY_NONE ? &record : &kept);
                if (why == WHY_NONE)
                        o = placed;
        }
        if (o.why != WHY_NONE && (any || why == WHY_NONE || a->strangers++ < STRANGERS_MAX))
                tell(a, unit, record.version > 0 || !any ? record.version : kept.version, signer, o);
        unit_record_done(&record);
        unit_record_done(&kept);
}

/* Does so with what the registry has of the unit. */
static void consider_record(Accepting *a, const char *unit) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *record = NULL;
        int r = bus_call(a->ctl->bus, &bus_leased, "GetUnitFile", &record, &error, "s", unit);

        if (r < 0) /* one record does not keep the others from being looked at */
                a->code = bus_complain(unit, r, &error);
        else
                consider(a, unit, json_integer_value(json_array_get(record, 1)) > 0 ? string_at(record, 0) : NULL);
}

/* Enables the units that are new here by one command, so that PID 1 and leased reload once. What has become of each is
 * looked at afterwards. */
static void enable_together(Accepting *a) {
        size_t n = strv_length(a->fresh);
        const char **argv = calloc(n + 5, sizeof(char *));

        if (!argv || n == 0) {
                free(argv);
                return;
        }
        memcpy(argv, (const char *const[]){ "/proc/self/exe", "enable", "--no-wait", "--" }, 4 * sizeof(char *));
        memcpy(argv + 4, a->fresh, n * sizeof(char *));
        (void) pid1_reload(a->ctl->bus);
        (void) program_run(argv, NULL, NULL);
        free(argv);
        a->together = true;
        for (size_t i = 0; i < n; i++)
                consider_record(a, a->fresh[i]);
}

/* Gives the names of all units that this machine has taken, and then those that the registry has: whoever fills the
 * registry with false records does not delay what becomes of the former. */
static int list_units(Accepting *a, char ***ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        DIR *directory = opendir(ACCEPTED_DIRECTORY);
        json_auto_t *names = NULL;
        struct dirent *e;
        json_t *name;
        size_t i;
        int r = 0;

        while (directory && r >= 0 && (e = readdir(directory)))
                if (unit_record_name_is_valid(e->d_name))
                        r = strv_add(ret, e->d_name);
        if (directory)
                (void) closedir(directory);
        if (r >= 0)
                r = bus_call(a->ctl->bus, &bus_leased, "ListUnitFiles", &names, &error, NULL);
        json_array_foreach(json_array_get(names, 0), i, name)
                if (r >= 0)
                        r = strv_add(ret, strempty(json_string_value(name)));
        return r < 0 ? bus_complain("accept-files", r, &error) : CTL_OK;
}

/* Has leased say nothing more of units of which nothing was told now: their records are gone, and were never taken. */
static void forget_others(Accepting *a, const json_t *manager) {
        json_t *row;
        size_t i;

        json_array_foreach(json_object_get(manager, "UnitFiles"), i, row)
                if (!strv_contains(a->told, string_at(row, 0)))
                        tell(a, string_at(row, 0), 0, NULL, accept_unit_outcome(WHY_NONE, NULL));
}

static int consider_all(Accepting *a, const json_t *manager) {
        _cleanup_(strv_freep) char **units = NULL;
        int code = list_units(a, &units);

        if (code != CTL_OK)
                return code;
        for (char **unit = units; unit && *unit; unit++)
                consider_record(a, *unit);
        enable_together(a);
        if (a->code == CTL_OK)
                forget_others(a, manager);
        a->fresh = strv_free(a->fresh);
        a->told = strv_free(a->told);
        return a->code;
}

/* Looks at all units until none is waited for. */
static int accept_patiently(Ctl *ctl, const LeasedConf *conf) {
        usec_t until = usec_add(now_boottime(), ACCEPT_PATIENCE);
        bool waits, stops, again;
        int code;

        do {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                json_auto_t *manager = NULL;
                Accepting a = { .ctl = ctl, .conf = conf, .patient = now_boottime() < until };
                int r = bus_get_manager(ctl->bus, &manager, &error);

                if (r < 0)
                        return bus_complain("accept-files", r, &error);
                if (registry_known(manager) != CTL_OK)
                        return ctl_fail("accept-files: the registry does not answer");
                a.uuid = get_string(manager, "RegistryUUID");
                code = consider_all(&a, manager);
                waits = a.waits;
                stops = a.stops;
                again = a.again;
                if (waits || stops) /* each look judges all records, and what is slow to stop may take hours */
                        (void) usleep(waits ? USEC_PER_SEC / 2 : 2 * USEC_PER_SEC);
        } while (code == CTL_OK && (waits || stops));
        return again ? CTL_FAILED : code; /* leased runs the program again */
}

int verb_accept_files(Ctl *ctl, int argc, char **argv) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages m = {};
        _cleanup_close_ int lock = -1;
        int r = leased_conf_load("", &conf, &m);

        print_messages(&m);
        if (r < 0)
                return CTL_FAILED;
        if (conf->accept_units == ACCEPT_NO)
                return ctl_fail("accept-files: this machine takes no submitted units, see AcceptUnits= in "
                                "leased.conf(5)");
        /* A leased that was restarted does not know of the one that runs already. */
        lock = lock_file_open(AT_FDCWD, LOCK_FILE, true);
        r = lock < 0 ? lock : lock_file_try(lock);
        if (r < 0)
                return ctl_fail("accept-files: " LOCK_FILE ": %s",
                                r == -EWOULDBLOCK ? "another one is at work" : strerror(-r));
        return accept_patiently(ctl, conf);
}
