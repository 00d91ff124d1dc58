/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl submit FILE...: puts unit files, with their drop-ins, into the registry, signed, for all machines that take
 * submitted units. leasectl destroy UNIT...: puts a signed record in their place that says that the unit is gone.
 *
 * The version of a record is the time of its signature, so it grows without anybody having to know the one before, and
 * no record that was lost or forged can make it fall back.
 */

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "ctl/bus.h"
#include "ctl/registry.h"
#include "ctl/signature.h"
#include "ctl/submitted.h"
#include "ctl/unit-record.h"
#include "ctl/wanted.h"
#include "util/file-util.h"
#include "util/shell-word.h"
#include "util/strv.h"
#include "util/text.h"
#include "util/unit-name.h"

#define WAIT_TIME (30 * USEC_PER_SEC)

/* ---- files ---- */

static int append_file(json_t *files, const char *path, const char *name) {
        _cleanup_free_ char *text = NULL;
        json_t *content;
        size_t size = 0;
        int r = read_file(path, RECORD_CONTENT_MAX, &text, &size);

        if (r < 0)
                return ctl_fail("%s: %s", path, r == -E2BIG ? "is larger than 48 KiB" : strerror(-r));
        content = strlen(text) == size ? json_string(text) : NULL;
        if (!content)
                return ctl_fail("%s: is no text in UTF-8", path);
        (void) json_array_append_new(files, json_pack("{s:s, s:o}", "name", name, "content", content));
        return CTL_OK;
}

static int is_dropin(const struct dirent *e) {
        return e->d_name[0] != '.' && endswith(e->d_name, ".conf");
}

/* Appends the drop-ins in the directory FILE.d, in the order of their names. */
static int append_dropins(json_t *files, const char *path, const char *unit) {
        _cleanup_free_ char *directory = text_format("%s.d", path);
        struct dirent **entries = NULL;
        int n = directory ? scandir(directory, &entries, is_dropin, alphasort) : -1, code = CTL_OK;

        if (n < 0 && errno != ENOENT)
                code = ctl_fail("%s.d: %s", path, strerror(errno));
        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *from = text_format("%s/%s", directory, entries[i]->d_name);
                _cleanup_free_ char *name = text_format("%s.d/%s", unit, entries[i]->d_name);

                if (code == CTL_OK)
                        code = from && name ? append_file(files, from, name) : CTL_FAILED;
                free(entries[i]);
        }
        free(entries);
        return code;
}

/* ---- records ---- */

/* Gives Version= for a new record: the version itself, or with --no-roll that of the record before. */
static int64_t choose_version(const Ctl *ctl, const UnitRecord *before, int64_t version) {
        return ctl->no_roll && before->runs_as > 0 && before->runs_as <= version ? before->runs_as : version;
}

/* Looks whether the signed text makes a record that machines will take, before it is put. */
static int check_text(const char *unit, const char *record) {
        UnitRecord r;
        Why why = unit_record_open(record, &r);

        if (why == WHY_NONE)
                why = unit_record_read(&r);
        unit_record_done(&r);
        if (why == WHY_NONE)
                return CTL_OK;
        return ctl_fail("%s: %s", unit,
                        why == WHY_FILE_DAMAGED ? "is empty, larger than 48 KiB with its drop-ins, or has control "
                                                  "characters or carriage returns"
                                                : WHY_TEXT(reason(why)));
}

/* Whoever can write to the registry may have written the record before. */
static void note_unverified(const char *unit, const UnitRecord *before) {
        _cleanup_(strv_freep) char **signers = NULL;
        _cleanup_free_ char *about = NULL;
        Why why = signature_verify(before->text, before->signature, &signers, &about);

        if (why != WHY_NONE)
                complain("note: %s: --no-roll goes by the version before, which is not verified here: %s", unit,
                                WHY_TEXT(reason_of(why, strempty(about))));
}

/* A record that goes into the registry. */
typedef struct Sent {
        const char *unit;  /* borrowed; NULL: nothing was put */
        char *record;      /* signed; NULL: it could not be */
        uint64_t revision; /* of the record that it replaces */
        int64_t version;   /* Version= of the unit */
        bool new;          /* the unit was not there before */
} Sent;

/* Signs a record. Takes files; NULL: the unit is destroyed. */
static int sign(Ctl *ctl, const char *cluster, const char *unit, json_t *files, Sent *ret) {
        _cleanup_free_ char *text = NULL, *signature = NULL;
        int64_t version = (int64_t) (now_realtime() / USEC_PER_MSEC);
        json_int_t revision = 0;
        UnitRecord before = {};
        int code = submitted_read(ctl, unit, &before, &revision);

        if (before.version >= version) /* nobody has verified it, so it may be a forger's */
                complain("note: %s: the registry has a version of a later time than it is here; machines that have "
                         "taken it will refuse this one",
                                unit);
        if (files && choose_version(ctl, &before, version) != version)
                note_unverified(unit, &before);
        *ret = (Sent){ .unit = unit,
                .revision = (uint64_t) revision,
                .version = choose_version(ctl, &before, version),
                .new = !before.files };
        unit_record_done(&before);
        if (code == CTL_OK) {
                text = unit_record_text(cluster, unit, version, ret->version, files);
                files = NULL;
                code = text ? signature_make(ctl->key, text, &signature) : ctl_fail("%s: out of memory", unit);
        }
        json_decref(files);
        if (code == CTL_OK) {
                ret->record = unit_record_format(text, signature);
                code = ret->record ? check_text(unit, ret->record) : ctl_fail("%s: out of memory", unit);
        }
        if (code != CTL_OK)
                ret->unit = NULL;
        return code;
}

/* Puts a record that was signed. */
static int put(Ctl *ctl, Sent *s) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_call(ctl->bus, &bus_leased, "PutUnitFile", NULL, &error, "sts", s->unit, s->revision, s->record);

        if (r >= 0)
                return CTL_OK;
        r = bus_complain(s->unit, r, &error);
        s->unit = NULL;
        return r;
}

/* Gives the registry's uuid, for which records are signed, and the key. *ret is owned by the caller. */
static int prepare(Ctl *ctl, char **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        int r = bus_get_manager(ctl->bus, &manager, &error);

        if (r < 0)
                return bus_complain(NULL, r, &error);
        if (registry_known(manager) != CTL_OK || !*get_string(manager, "RegistryUUID"))
                return ctl_fail("the registry does not answer, or is not the one that this machine knows, see: "
                                "leasectl registry");
        if (!ctl->key)
                return ctl_fail("which key signs? --key=FILE, e.g. --key=$HOME/.ssh/id_ed25519");
        *ret = strdup(get_string(manager, "RegistryUUID"));
        return *ret ? CTL_OK : CTL_FAILED;
}

/* ---- the verbs ---- */

/* Whether this is the lease of the unit in that version, or of a later one. */
static bool is_of_version(Ctl *ctl, const char *name, int64_t version) {
        json_auto_t *lease = NULL;

        return bus_call(ctl->bus, &bus_leased, "GetLease", &lease, NULL, "s", name) >= 0 &&
               json_integer_value(json_array_get(lease, 3)) >= version;
}

/* Whether some machine has the unit in that version, by whatever lease its options name. */
static bool is_held(Ctl *ctl, const char *unit, int64_t version) {
        enum { UNIT = 0, LEASE = 2, HOLDS = 7 }; /* columns of ListClusterUnits */
        json_auto_t *answer = NULL;
        json_t *row;
        size_t i;

        if (bus_call(ctl->bus, &bus_leased, "ListClusterUnits", &answer, NULL, "sast", "", 0, (uint64_t) 0) < 0)
                return false;
        json_array_foreach(json_array_get(answer, 1), i, row)
                if (streq(strempty(json_string_value(json_array_get(row, UNIT))), unit) &&
                                json_is_true(json_array_get(row, HOLDS)) &&
                                is_of_version(ctl, strempty(json_string_value(json_array_get(row, LEASE))), version))
                        return true;
        return false;
}

/* Waits until some machine has the unit in that version. */
static bool wait_held(Ctl *ctl, const char *unit, int64_t version) {
        usec_t until = usec_add(now_boottime(), WAIT_TIME);
        bool held;

        while (!(held = is_held(ctl, unit, version)) && now_boottime() < until)
                (void) usleep(USEC_PER_SEC / 10);
        return held;
}

/* Appends a drop-in that says how many copies of the unit run. It comes last, so it counts. */
static int append_copies(json_t *files, const Wanted *wanted) {
        _cleanup_free_ char *name = text_format("%s.d/zz-copies.conf", wanted->unit);
        _cleanup_free_ char *content = text_format("[X-Leased]\nCopies=%u\n", wanted->copies);

        return name && content &&
                                               json_array_append_new(files, json_pack("{s:s, s:s}", "name", name,
                                                                                            "content", content)) == 0
                               ? CTL_OK
                               : CTL_FAILED;
}

static int read_files(const Wanted *wanted, json_t **ret) {
        int code;

        *ret = json_array();
        code = append_file(*ret, wanted->path, wanted->unit);
        return code == CTL_OK ? append_dropins(*ret, wanted->path, wanted->unit) : code;
}

/* Appends the files of the other units that are wanted and that this one starts; such a unit comes along with it, and
 * is none of its own. */
static int append_companions(json_t *files, const Wanted *wanted, WantedList *w, bool *ret_any) {
        int code = CTL_OK;

        for (size_t i = 0; i < w->n && code == CTL_OK; i++) {
                json_auto_t *others = NULL;

                if (w->items + i == wanted || !unit_record_has_companions(wanted->unit))
                        continue;
                code = read_files(w->items + i, &others);
                if (code != CTL_OK || !wanted_starts(wanted->unit, files, w->items[i].unit, others))
                        continue;
                w->items[i].comes_along = *ret_any = true;
                if (json_array_extend(files, others) < 0)
                        code = ctl_fail("%s: out of memory", wanted->unit);
        }
        return code;
}

/* Finds out which of the wanted units come along with others, and whether none is missing. */
static int find_companions(WantedList *w) {
        int code = CTL_OK;

        for (size_t i = 0; i < w->n; i++) {
                json_auto_t *files = NULL;
                bool any = false;
                int c;

                if (!unit_record_has_companions(w->items[i].unit))
                        continue;
                c = read_files(w->items + i, &files);
                if (c == CTL_OK)
                        c = wanted_check(w, w->items[i].unit, files);
                if (c == CTL_OK)
                        c = append_companions(files, w->items + i, w, &any);
                code = c == CTL_OK ? code : c;
        }
        return code;
}

static int sign_one(Ctl *ctl, const char *cluster, const Wanted *wanted, WantedList *w, Sent *ret) {
        json_t *files = NULL;
        bool any = false;
        int code = read_files(wanted, &files);

        if (code == CTL_OK)
                code = append_companions(files, wanted, w, &any);
        if (code == CTL_OK && wanted->copies > 0)
                code = append_copies(files, wanted);
        if (code == CTL_OK)
                return sign(ctl, cluster, wanted->unit, files, ret);
        json_decref(files);
        return code;
}

/* Tells of instances that --copies= no longer names: they go on until they are destroyed. */
static void note_surplus(Ctl *ctl, const char *template) {
        json_auto_t *names = NULL;
        json_t *name;
        size_t i;

        if (bus_call(ctl->bus, &bus_leased, "ListUnitFiles", &names, NULL, NULL) < 0)
                return;
        json_array_foreach(json_array_get(names, 0), i, name) {
                const char *unit = strempty(json_string_value(name)), *number = unit + unit_name_prefix(template) + 1;
                UnitRecord record = {};
                json_int_t revision;
                char *end;

                if (!unit_name_is_instance_of(unit, template) || strtoul(number, &end, 10) <= ctl->copies ||
                                *end != '.')
                        continue;
                if (submitted_read(ctl, unit, &record, &revision) == CTL_OK && record.files)
                        complain("note: %s is there, too; leasectl destroy ends it", unit);
                unit_record_done(&record);
        }
}

/* Says what has become of a unit that was put. Only a new one is waited for: when one that runs moves is for the
 * machines to decide. */
static int report(Ctl *ctl, const Sent *sent) {
        if (!sent->new || !ctl->wait) {
                say("%s: submitted, Version=%" PRIi64, sent->unit, sent->version);
                return CTL_OK;
        }
        if (!wait_held(ctl, sent->unit, sent->version))
                return ctl_fail("%s: submitted, and no machine has it yet; on each machine leasectl list-files says "
                                "whether it took the file, and leasectl status %s why it does not run there",
                                sent->unit, SHELL_WORD(sent->unit));
        say("%s: runs, Version=%" PRIi64, sent->unit, sent->version);
        return CTL_OK;
}

int verb_submit(Ctl *ctl, int argc, char **argv) {
        size_t most = (size_t) argc * MAX(ctl->copies, 1u);
        _cleanup_(wanted_done) WantedList w = { .items = calloc(most, sizeof(Wanted)) };
        _cleanup_free_ Sent *sent = calloc(most, sizeof(Sent));
        _cleanup_free_ char *cluster = NULL;
        int code = sent && w.items ? prepare(ctl, &cluster) : CTL_FAILED, c;
        bool complete;

        for (int i = 0; i < argc && cluster; i++)
                if ((c = wanted_add(&w, argv[i], ctl->copies)) != CTL_OK)
                        code = c;
        /* What was meant to come along with another unit must not be submitted alone, as it would run at once. */
        complete = cluster && (c = find_companions(&w)) == CTL_OK;
        if (cluster && !complete)
                code = c;
        for (size_t i = 0; i < w.n && complete; i++)
                if (!w.items[i].comes_along && (c = sign_one(ctl, cluster, w.items + i, &w, sent + i)) != CTL_OK)
                        code = c;
        /* All are put when all are signed, which may take a person's hand for each: so the machines are told of all at
         * once, and PID 1 reloads there once. */
        for (size_t i = 0; i < w.n; i++)
                if (sent[i].unit && (c = put(ctl, sent + i)) != CTL_OK)
                        code = c;
        for (size_t i = 0; i < w.n; i++)
                if (sent[i].unit && (c = report(ctl, sent + i)) != CTL_OK)
                        code = c;
        for (size_t i = 0; sent && i < w.n; i++)
                free(sent[i].record);
        for (int i = 0; i < argc && complete && ctl->copies > 0; i++)
                if (unit_name_is_template(base_name(argv[i])))
                        note_surplus(ctl, base_name(argv[i]));
        return code;
}

/* Whether this machine has taken the unit once. Whoever can write to the registry can delete the record, and must not
 * keep the unit from being destroyed with that. */
static bool was_taken_here(Ctl *ctl, const char *unit) {
        json_auto_t *manager = NULL;
        json_t *row;
        size_t i;
        bool any = false;

        if (bus_get_manager(ctl->bus, &manager, NULL) < 0)
                return false;
        json_array_foreach(json_object_get(manager, "UnitFiles"), i, row)
                any = any || streq(string_at(row, 0), unit);
        return any;
}

static int destroy_one(Ctl *ctl, const char *cluster, const char *typed) {
        _cleanup_free_ char *unit = unit_name_complete(typed);
        UnitRecord before = {};
        json_int_t revision = 0;
        Sent sent = {};
        int code = unit ? submitted_read(ctl, unit, &before, &revision) : CTL_FAILED;

        unit_record_done(&before);
        if (code == CTL_OK && revision == 0 && !was_taken_here(ctl, unit)) {
                complain("%s: was never submitted, see: leasectl list-files; if its record was lost, destroy it from "
                         "a machine that has it",
                                unit);
                return CTL_NO_SUCH_UNIT;
        }
        if (code == CTL_OK)
                code = sign(ctl, cluster, unit, NULL, &sent);
        if (code == CTL_OK)
                code = put(ctl, &sent);
        free(sent.record);
        if (code == CTL_OK)
                say("%s: destroyed; each machine stops and removes it", unit);
        return code;
}

int verb_destroy(Ctl *ctl, int argc, char **argv) {
        _cleanup_free_ char *cluster = NULL;
        int code = prepare(ctl, &cluster), c;

        for (int i = 0; i < argc && cluster; i++)
                if ((c = destroy_one(ctl, cluster, argv[i])) != CTL_OK)
                        code = c;
        return code;
}
