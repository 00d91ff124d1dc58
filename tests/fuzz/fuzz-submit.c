/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a submitted unit, as any text, and as any text that somebody has signed: a record that is taken writes
 * nowhere but to its own files, and says the same when it is written again. */
#include "ctl/unit-record.h"
#include "fuzz.h"

static void check_names(const UnitRecord *r) {
        size_t i, total = 0, n = strlen(r->unit);
        json_t *file;

        must(unit_record_name_is_valid(r->unit) && !strchr(r->unit, '/') && r->unit[0] != '.');
        must(r->gone ? !r->files : json_array_size(r->files) > 0 && json_array_size(r->files) <= RECORD_FILES_MAX);
        json_array_foreach(r->files, i, file) {
                const char *name = get_string(file, "name"), *slash = strchr(name, '/');

                must(!strstr(name, "/..") && (!slash || !strchr(slash + 1, '/')));
                if (i == 0)
                        must(streq(name, r->unit));
                else if (!slash) /* a companion */
                        must(unit_record_has_companions(r->unit) && unit_record_name_is_valid(name));
                else
                        must(unit_record_has_companions(r->unit) || slash == name + n + 2);
                must(i == 0 || slash || !streq(name, r->unit));
                total += strlen(get_string(file, "content"));
        }
        must(total <= RECORD_CONTENT_MAX);
}

static void check_again(const UnitRecord *r) {
        _cleanup_free_ char *text = unit_record_text(r->cluster, r->unit, r->version, r->runs_as,
                                            r->gone ? NULL : json_incref(r->files)),
                            *record = NULL;
        UnitRecord again;

        must(text);
        record = unit_record_format(text, "");
        must(record && unit_record_open(record, &again) == WHY_NONE && unit_record_read(&again) == WHY_NONE);
        must(streq(again.unit, r->unit) && streq(again.cluster, r->cluster) && again.version == r->version);
        must(again.runs_as == r->runs_as && again.gone == r->gone);
        must(r->gone || json_equal(again.files, r->files));
        unit_record_done(&again);
}

static void check_record(const char *text) {
        UnitRecord r;
        Why why = unit_record_open(text, &r);

        must(why == WHY_NONE || why == WHY_FILE_DAMAGED);
        if (why == WHY_NONE)
                why = unit_record_read(&r);
        must(why == WHY_NONE || why == WHY_FILE_DAMAGED || why == WHY_FILE_BAD_NAME);
        if (why == WHY_NONE) {
                must(r.version > 0 && r.runs_as > 0 && r.runs_as <= r.version);
                check_names(&r);
                check_again(&r);
        }
        unit_record_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Input in = { data, size };
        _cleanup_free_ char *text = input_text(&in, 0, NULL), *record = NULL;

        check_record(text);
        record = unit_record_format(text, "signature");
        if (record) /* NULL: no UTF-8 */
                check_record(record);
        return 0;
}
