/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/memory-copy.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "util/hash.h"
#include "util/macros.h"

typedef struct Remembered {
        UT_hash_handle hh;
        uint64_t index; /* 0: it is forgotten */
        char lease[];
} Remembered;

struct MemoryCopy {
        CoreMemory memory; /* all but the Indexes; the copy owns its texts */
        Remembered *indexes;
};

MemoryCopy *memory_copy_new(void) {
        return calloc(1, sizeof(MemoryCopy));
}

MemoryCopy *memory_copy_free(MemoryCopy *c) {
        Remembered *r, *next;

        if (!c)
                return NULL;
        HASH_ITER(hh, c->indexes, r, next) {
                HASH_DEL(c->indexes, r);
                free(r);
        }
        free((void *) c->memory.uuid);
        free((void *) c->memory.store);
        free((void *) c->memory.draining_boot);
        free(c);
        return NULL;
}

static void set_index(MemoryCopy *c, const char *lease, uint64_t index) {
        size_t size = strlen(lease) + 1;
        Remembered *r;

        HASH_FIND_STR(c->indexes, lease, r);
        if (!r) {
                r = calloc(1, sizeof(Remembered) + size);
                if (!r)
                        abort(); /* as in the core */
                memcpy(r->lease, lease, size);
                HASH_ADD_STR(c->indexes, lease, r);
        }
        r->index = index;
}

static void set_text(const char **text, const char *value) {
        if (*text && streq(*text, strempty(value)))
                return;
        free((void *) *text);
        *text = strdup(strempty(value));
        if (!*text)
                abort();
}

void memory_copy_take(MemoryCopy *c, const CoreMemory *changes) {
        const char *uuid = c->memory.uuid, *store = c->memory.store, *draining_boot = c->memory.draining_boot;

        set_text(&uuid, changes->uuid);
        set_text(&store, changes->store);
        set_text(&draining_boot, changes->draining_boot);
        c->memory = *changes;
        c->memory.uuid = uuid;
        c->memory.store = store;
        c->memory.draining_boot = draining_boot;
        c->memory.indexes = NULL;
        c->memory.n_indexes = 0;
        for (size_t i = 0; i < changes->n_indexes; i++)
                set_index(c, changes->indexes[i].lease, changes->indexes[i].index);
}

void memory_copy_take_copy(MemoryCopy *c, MemoryCopy *from) {
        memory_copy_take(c, &from->memory);
        for (const Remembered *r = from->indexes; r; r = r->hh.next)
                set_index(c, r->lease, r->index);
        memory_copy_free(from);
}

char *memory_copy_encode(const MemoryCopy *c, sd_id128_t log) {
        _cleanup_free_ RememberedIndex *indexes = calloc(HASH_COUNT(c->indexes) + 1, sizeof(RememberedIndex));
        CoreMemory memory = c->memory;

        if (!indexes)
                return NULL;
        for (const Remembered *r = c->indexes; r; r = r->hh.next)
                if (r->index > 0)
                        indexes[memory.n_indexes++] = (RememberedIndex){ .lease = r->lease, .index = r->index };
        memory.indexes = indexes;
        return memory_encode(&memory, log);
}

char *memory_copy_encode_rest(const MemoryCopy *c) {
        CoreMemory memory = c->memory;

        memory.revision = 0;
        return memory_encode(&memory, SD_ID128_NULL);
}

/* ---- state.log ---- */

/* Writes the line of an array, of which this function takes the reference. False: out of memory. */
static bool write_line(FILE *f, json_t *array) {
        _cleanup_free_ char *line = array ? json_dumps(array, JSON_COMPACT) : NULL;

        json_decref(array);
        return line && fprintf(f, "%s\n", line) > 0;
}

char *memory_log_begin(sd_id128_t log) {
        char *text;

        return asprintf(&text, "[\"" SD_ID128_FORMAT_STR "\"]\n", SD_ID128_FORMAT_VAL(log)) < 0 ? NULL : text;
}

char *memory_log_lines(const MemoryCopy *changes) {
        json_int_t revision = (json_int_t) changes->memory.revision;
        bool written = true;
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (const Remembered *r = changes->indexes; r && written; r = r->hh.next)
                written = r->index > 0 &&
                          write_line(f, json_pack("[I, s, I]", revision, r->lease, (json_int_t) r->index));
        if (!changes->indexes)
                written = write_line(f, json_pack("[I]", revision));
        if (fclose(f) == 0 && written)
                return text;
        free(text);
        return NULL;
}

static bool take_line(MemoryCopy *c, const char *line, size_t size) {
        json_t *array = json_loadb(line, size, 0, NULL);
        json_int_t revision, index = 0;
        const char *lease = NULL;
        bool good = json_unpack(array, "[I!]", &revision) == 0 ||
                    (json_unpack(array, "[I, s, I!]", &revision, &lease, &index) == 0 && lease_name_is_valid(lease) &&
                                    index > 0 && (uint64_t) index <= INDEX_MAX);

        good = good && revision >= 0;
        if (good)
                c->memory.revision = (uint64_t) revision;
        if (good && lease)
                set_index(c, lease, (uint64_t) index);
        json_decref(array);
        return good;
}

unsigned memory_copy_take_log(MemoryCopy *c, sd_id128_t log, const char *text, size_t size) {
        _cleanup_free_ char *begin = memory_log_begin(log);
        const char *end = text + size, *line, *line_end;
        unsigned damaged = 0, number = 2;

        if (!begin)
                abort(); /* as in the core */
        if (sd_id128_is_null(log) || size < strlen(begin) || memcmp(text, begin, strlen(begin)) != 0)
                return 0;
        for (line = text + strlen(begin); (line_end = memchr(line, '\n', (size_t) (end - line)));
                        line = line_end + 1) {
                if (!take_line(c, line, (size_t) (line_end - line)) && damaged == 0)
                        damaged = number;
                number++;
        }
        return damaged;
}

int memory_copy_give(const MemoryCopy *c, LoadedMemory *m) {
        _cleanup_free_ char *text = memory_copy_encode(c, m->log);
        const char *why;
        LoadedMemory given;
        int r = text ? memory_decode(text, strlen(text), &given, &why) : -ENOMEM;

        if (r < 0)
                return r;
        memory_done(m);
        *m = given;
        return 0;
}
