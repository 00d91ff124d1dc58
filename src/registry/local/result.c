/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/local/result.h"

#include <errno.h>
#include <stdio.h>

void local_result_clear(LocalResult *result) {
        for (size_t i = 0; i < result->n_records; i++) {
                free((char *) result->records[i].key);
                free((void *) result->records[i].value);
        }
        free(result->records);
        free(result->deleted);
        free(result->error);
        *result = (LocalResult){};
}

void local_result_filter(LocalResult *result, bool (*f)(const RegistryRecord *record, const void *userdata),
                const void *userdata) {
        size_t n = 0;

        for (size_t i = 0; i < result->n_records; i++) {
                const RegistryRecord *record = result->records + i;

                if (f(record, userdata)) {
                        result->deleted[n] = result->deleted[i];
                        result->records[n++] = *record;
                        continue;
                }
                free((char *) record->key);
                free((void *) record->value);
        }
        result->n_records = n;
}

int local_result_fail(LocalResult *result, int error, const char *path, const char *what) {
        char *text;

        if (!result->error && asprintf(&text, "%s: %s: %s", path, what, strerror(abs(error))) >= 0)
                result->error = text;
        return -abs(error);
}

int local_result_damaged(LocalResult *result, const char *path, const char *why) {
        char *text;

        if (!result->error &&
                        asprintf(&text,
                                        "%s: the database is damaged (%s), so no lease is known to be free: put a "
                                        "sound copy in its place, or remove it for a new registry",
                                        path, why) >= 0)
                result->error = text;
        return -EBADMSG;
}

static bool make_room(LocalResult *result) {
        size_t room = result->n_room ? 2 * result->n_room : 16;
        RegistryRecord *records;
        bool *deleted;

        if (result->n_records < result->n_room)
                return true;
        records = realloc(result->records, room * sizeof(RegistryRecord));
        if (!records)
                return false;
        result->records = records;
        deleted = realloc(result->deleted, room * sizeof(bool));
        if (!deleted)
                return false;
        result->deleted = deleted;
        result->n_room = room;
        return true;
}

int local_result_add(LocalResult *result, char *key, char *value, size_t size, uint64_t mod_revision, bool damaged,
                bool deleted) {
        if (!key || !make_room(result)) {
                free(key);
                free(value);
                return -ENOMEM;
        }
        result->records[result->n_records] = (RegistryRecord){
                .key = key, .value = value, .size = size, .mod_revision = mod_revision, .damaged = damaged
        };
        result->deleted[result->n_records++] = deleted;
        return 0;
}
