/* SPDX-License-Identifier: Apache-2.0 */
#include "old-store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "registry/local/crc.h"
#include "registry/local/old-name.h"
#include "util/file-util.h"

void old_record_write(const char *path, const char *escaped_key, const void *value, size_t size, uint64_t revision) {
        FILE *f = fopen(path, "we");
        char covered[2048];
        uint32_t crc;
        int n;

        assert_non_null(f);
        n = snprintf(covered, sizeof(covered), "%" PRIu64 " %zu %s\n", revision, size, escaped_key);
        assert_true(n > 0 && n < (int) sizeof(covered));
        crc = local_crc32(0, covered, (size_t) n);
        crc = local_crc32(crc, value, size);
        crc = local_crc32(crc, "\n", 1);
        assert_true(fprintf(f, "leased-record 1 %08" PRIx32 " %s", crc, covered) > 0);
        assert_int_equal(fwrite(value, 1, size, f), size);
        assert_int_equal(fputc('\n', f), '\n');
        assert_int_equal(fclose(f), 0);
}

void old_store_put(const char *directory, const char *key, const void *value, size_t size, uint64_t revision) {
        _cleanup_free_ char *escaped = local_escape(key);
        char name[LOCAL_NAME_SIZE], path[512];

        assert_non_null(escaped);
        local_name(escaped, name);
        (void) snprintf(path, sizeof(path), "%s/records/%s", directory, name);
        old_record_write(path, escaped, value, size, revision);
}

void old_store_make(const char *directory, const char *id, uint64_t revision) {
        char path[512], head[128] = "";

        (void) snprintf(path, sizeof(path), "%s/records", directory);
        assert_int_equal(mkdir_parents(path, 0700), 0);
        (void) snprintf(path, sizeof(path), "%s/store", directory);
        if (id)
                (void) snprintf(head, sizeof(head), "leased-store 1 %s %20" PRIu64 "\n", id, revision);
        assert_int_equal(write_file_atomic(path, head, strlen(head), 0600, 0), 0);
}
