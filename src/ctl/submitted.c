/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl list-files: the units that were submitted to the cluster, who signed them, and what this machine has made
 * of each. leasectl verify [UNIT...]: the same for scripts, which fails if a signature does not count here.
 */

#include "ctl/submitted.h"

#include <stdio.h>

#include "ctl/bus.h"
#include "ctl/output.h"
#include "ctl/signature.h"
#include "util/strv.h"
#include "util/text.h"
#include "util/unit-name.h"

int submitted_read(Ctl *ctl, const char *unit, UnitRecord *ret, json_int_t *ret_revision) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *answer = NULL;
        int r = bus_call(ctl->bus, &bus_leased, "GetUnitFile", &answer, &error, "s", unit);

        *ret = (UnitRecord){};
        if (r < 0)
                return bus_complain(unit, r, &error);
        *ret_revision = json_integer_value(json_array_get(answer, 1));
        if (unit_record_open(string_at(answer, 0), ret) != WHY_NONE || unit_record_read(ret) != WHY_NONE)
                unit_record_done(ret);
        return CTL_OK;
}

int submitted_print(Ctl *ctl, const char *unit, json_t *rows) {
        _cleanup_(strv_freep) char **signers = NULL;
        _cleanup_free_ char *about = NULL;
        UnitRecord record;
        json_int_t revision = 0;
        Why why = WHY_NONE;
        json_t *file;
        size_t i;
        int code = submitted_read(ctl, unit, &record, &revision);

        if (code == CTL_OK && !record.files)
                code = CTL_NO_SUCH_UNIT;
        if (code == CTL_OK)
                why = streq(record.unit, unit) ? signature_verify(record.text, record.signature, &signers, &about)
                                               : WHY_FILE_OTHER_NAME;
        if (code == CTL_OK && why != WHY_NONE) /* whoever can write to the registry may have written it */
                complain("note: %s: what was submitted is not verified here: %s", unit,
                                WHY_TEXT(reason_of(why, about ?: record.unit)));
        if (code == CTL_OK && ctl->json != JSON_OFF)
                (void) json_array_append_new(rows,
                                json_pack("{s:s, s:O, s:s}", "unit", unit, "files", record.files, "options", ""));
        else if (code == CTL_OK)
                json_array_foreach(record.files, i, file) {
                        const char *text = get_string(file, "content");

                        say("%s# %s, as submitted%s", colour_on(COLOUR_BOLD), get_string(file, "name"), colour_off());
                        for (const char *l = text; *l; l += strcspn(l, "\n"), l += *l == '\n')
                                say("%.*s", (int) strcspn(l, "\n"), l);
                }
        unit_record_done(&record);
        return code;
}

/* What this machine has made of the unit, as leased says; NULL: nothing. */
static const json_t *find_outcome(const json_t *manager, const char *unit) {
        json_t *row;
        size_t i;

        json_array_foreach(json_object_get(manager, "UnitFiles"), i, row)
                if (streq(string_at(row, 0), unit))
                        return row;
        return NULL;
}

/* Verifies one record. The columns of the row are those of list-files. */
static json_t *make_row(Ctl *ctl, const json_t *manager, const char *unit, Why *ret) {
        const json_t *here = find_outcome(manager, unit);
        _cleanup_(strv_freep) char **signers = NULL;
        _cleanup_free_ char *about = NULL;
        json_int_t revision = 0;
        UnitRecord record;
        json_t *row;

        *ret = submitted_read(ctl, unit, &record, &revision) == CTL_OK ? WHY_NONE : WHY_FILE_DAMAGED;
        if (*ret == WHY_NONE)
                *ret = record.unit ? signature_verify(record.text, record.signature, &signers, &about)
                                   : WHY_FILE_DAMAGED;
        if (*ret == WHY_NONE && !streq(record.unit, unit))
                *ret = WHY_FILE_OTHER_NAME;
        if (*ret == WHY_NONE && !streq(record.cluster, get_string(manager, "RegistryUUID")))
                *ret = WHY_FILE_OTHER_CLUSTER;
        row = json_pack("{s:s, s:s, s:I, s:b, s:s, s:i, s:s, s:I, s:s}", "unit", unit, "hash",
                        record.unit ? record.hash : "", "version", (json_int_t) record.version, "destroyed",
                        (int) record.gone, "signer", signers ? signers[0] : "", "verified_code", (int) *ret,
                        "verified",
                        *ret == WHY_NONE ? "yes" : WHY_TEXT(reason_of(*ret, about ?: strempty(record.unit))),
                        "here_code", json_integer_value(json_array_get(here, 3)), "here",
                        here          ? string_at(here, 4)
                        : record.gone ? WHY_TEXT(reason(WHY_FILE_DESTROYED))
                                      : "");
        unit_record_done(&record);
        return row;
}

static int read_rows(Ctl *ctl, int argc, char **argv, json_t **ret, bool *ret_bad) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL, *names = NULL;
        json_t *name;
        size_t i;
        int r = bus_get_manager(ctl->bus, &manager, &error);

        if (r >= 0)
                r = bus_call(ctl->bus, &bus_leased, "ListUnitFiles", &names, &error, NULL);
        if (r < 0)
                return bus_complain(NULL, r, &error);
        *ret = json_array();
        json_array_foreach(json_array_get(names, 0), i, name) {
                const char *unit = strempty(json_string_value(name));
                bool wanted = argc == 0;
                Why why;

                for (int j = 0; j < argc && !wanted; j++) {
                        _cleanup_free_ char *complete = unit_name_complete(argv[j]);

                        wanted = complete && streq(complete, unit);
                }
                if (!wanted)
                        continue;
                (void) json_array_append_new(*ret, make_row(ctl, manager, unit, &why));
                *ret_bad = *ret_bad || why != WHY_NONE;
        }
        return CTL_OK;
}

static void format_version(const json_t *value, char *buf, size_t size) {
        (void) format_since(buf, size, (usec_t) json_integer_value(value) * USEC_PER_MSEC);
        buf[MIN(size - 1, strlen("2026-03-01 12:00:00"))] = '\0';
        if (json_integer_value(value) == 0)
                str_copy(buf, size, "-");
}

/* So much as one types to tell it from others. */
static void format_hash(const json_t *value, char *buf, size_t size) {
        (void) snprintf(buf, size, "%.7s", *strempty(json_string_value(value)) ? json_string_value(value) : "-");
}

static void format_word(const json_t *value, char *buf, size_t size) {
        str_copy(buf, size, *strempty(json_string_value(value)) ? json_string_value(value) : "-");
}

int verb_list_files(Ctl *ctl, int argc, char **argv) {
        static const Column columns[] = {
                { "UNIT", "unit", NULL, NULL, false, false },
                { "HASH", "hash", format_hash, NULL, false, false },
                { "SUBMITTED", "version", format_version, NULL, false, false, true },
                { "SIGNER", "signer", format_word, NULL, false, false },
                { "HERE", "here", format_word, NULL, false, true },
        };
        json_auto_t *rows = NULL;
        bool bad = false;
        int code = read_rows(ctl, argc, argv, &rows, &bad);

        if (code == CTL_OK)
                print_rows(ctl, rows, columns, ELEMENTSOF(columns), "No unit was submitted.");
        return code;
}

int verb_verify(Ctl *ctl, int argc, char **argv) {
        static const Column columns[] = {
                { "UNIT", "unit", NULL, NULL, false, false },
                { "SUBMITTED", "version", format_version, NULL, false, false, true },
                { "SIGNER", "signer", format_word, NULL, false, false },
                { "VERIFIED", "verified", NULL, NULL, false, true },
        };
        json_auto_t *rows = NULL;
        bool bad = false;
        int code = read_rows(ctl, argc, argv, &rows, &bad);

        if (code != CTL_OK)
                return code;
        print_rows(ctl, rows, columns, ELEMENTSOF(columns), "No unit was submitted.");
        if (json_array_size(rows) < (size_t) argc)
                return CTL_NO_SUCH_UNIT;
        return bad ? CTL_FAILED : CTL_OK;
}
