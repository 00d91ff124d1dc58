/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/memory.h"

#include <errno.h>
#include <jansson.h>

#include "util/log.h"

char *memory_encode(const CoreMemory *m, sd_id128_t log) {
        json_t *root, *indexes = json_object();
        char *text, id[SD_ID128_STRING_MAX];

        for (size_t i = 0; i < m->n_indexes; i++)
                (void) json_object_set_new(
                                indexes, m->indexes[i].lease, json_integer((json_int_t) m->indexes[i].index));
        root = json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:b, s:b, s:b, s:s, s:b, s:b, s:o}", "format", 1, "log",
                        sd_id128_to_string(log, id), "uuid", strempty(m->uuid), "store", strempty(m->store),
                        "revision", (json_int_t) m->revision, "floor", (json_int_t) m->floor, "silence", m->silence,
                        "newcomer", m->newcomer, "draining", m->draining, "draining_boot", strempty(m->draining_boot),
                        "undrained", m->undrained, "paused", m->paused, "indexes", indexes);
        text = root ? json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
        json_decref(root);
        return text;
}

void memory_done(LoadedMemory *m) {
        for (size_t i = 0; i < m->memory.n_indexes; i++)
                free((void *) m->memory.indexes[i].lease);
        free((void *) m->memory.indexes);
        free((void *) m->memory.uuid);
        free((void *) m->memory.store);
        free((void *) m->memory.draining_boot);
        *m = (LoadedMemory){};
}

/* 0.1.0 wrote none. */
static sd_id128_t decode_log(json_t *root) {
        const char *text = json_string_value(json_object_get(root, "log"));
        sd_id128_t log;

        return text && sd_id128_from_string(text, &log) >= 0 ? log : SD_ID128_NULL;
}

static int decode_indexes(json_t *object, LoadedMemory *m, const char **ret_why) {
        RememberedIndex *indexes = calloc(json_object_size(object) + 1, sizeof(RememberedIndex));
        const char *name;
        json_t *value;

        if (!indexes)
                return -ENOMEM;
        m->memory.indexes = indexes;
        json_object_foreach(object, name, value) {
                RememberedIndex *i = indexes + m->memory.n_indexes;

                if (!lease_name_is_valid(name) || !json_is_integer(value) || json_integer_value(value) < 0) {
                        *ret_why = "a member of \"indexes\" is not a lease's Index";
                        return -EBADMSG;
                }
                if ((uint64_t) json_integer_value(value) > INDEX_MAX) {
                        log_warning("what this machine remembers of lease %s is beyond all that leased hands out, and "
                                    "is forgotten",
                                        name);
                        continue;
                }
                i->index = (uint64_t) json_integer_value(value);
                i->lease = strdup(name);
                if (!i->lease)
                        return -ENOMEM;
                m->memory.n_indexes++;
        }
        return 0;
}

/* An earlier version of leased knew no floor, and wrote the file without one: the floor is 0 then. */
static uint64_t decode_floor(json_t *root) {
        json_t *value = json_object_get(root, "floor");
        json_int_t n = json_integer_value(value);

        if (!value || (json_is_integer(value) && n >= 0 && (uint64_t) n <= FLOOR_MAX))
                return (uint64_t) n;
        log_warning("the floor of all Indexes that this machine remembers is not one that leased hands out, and is "
                    "forgotten");
        return 0;
}

static int decode_root(json_t *root, LoadedMemory *m, const char **ret_why) {
        const char *uuid, *store;
        json_int_t revision;
        json_t *indexes;
        int format, silence, draining;

        if (json_unpack(root, "{s:i, s:s, s:s, s:I, s:b, s:b, s:o}", "format", &format, "uuid", &uuid, "store", &store,
                            "revision", &revision, "silence", &silence, "draining", &draining, "indexes",
                            &indexes) < 0) {
                *ret_why = "a member is missing or has the wrong type";
                return -EBADMSG;
        }
        if (format != 1 || revision < 0 || !json_is_object(indexes) || strlen(uuid) >= UUID_SIZE) {
                *ret_why = "a member has a value that was never written";
                return -EBADMSG;
        }
        m->memory.uuid = strdup(uuid);
        m->memory.store = strdup(store);
        m->memory.draining_boot = strdup(strempty(json_string_value(json_object_get(root, "draining_boot"))));
        if (!m->memory.uuid || !m->memory.store || !m->memory.draining_boot)
                return -ENOMEM;
        m->log = decode_log(root);
        m->memory.revision = (uint64_t) revision;
        m->memory.floor = decode_floor(root);
        m->memory.silence = silence;
        m->memory.newcomer = json_is_true(json_object_get(root, "newcomer")); /* which 0.1.0 did not write */
        m->memory.draining = draining;
        m->memory.undrained = json_is_true(json_object_get(root, "undrained")); /* which 0.1.0 did not write */
        m->memory.paused = json_is_true(json_object_get(root, "paused"));       /* which 0.1.0 did not write */
        return decode_indexes(indexes, m, ret_why);
}

int memory_decode(const char *text, size_t size, LoadedMemory *ret, const char **ret_why) {
        json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        LoadedMemory m = {};
        int r;

        *ret_why = "it is not JSON";
        r = root ? decode_root(root, &m, ret_why) : -EBADMSG;
        json_decref(root);
        if (r < 0) {
                memory_done(&m);
                return r;
        }
        *ret = m;
        return 0;
}
