/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of leased 0.1.0's local registry in which somebody else has been: files of any name, parted by a byte
 * 0xFF from what is in them. They are taken over into a database, or nothing is answered; a record that is written
 * afterwards is there, and the only one of its key. Then one byte of the database is changed: the record reads as it
 * was, or is damaged, or nothing is answered. Likewise for one byte of a record's old file.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "registry/local/crc.h"
#include "registry/local/old-file.h"
#include "registry/local/directory.h"
#include "registry/local/store.h"
#include "util/file-util.h"

static const LocalPatience patience = { .deadline = USEC_INFINITY };

static bool name_is_possible(const char *name, size_t size) {
        return size > 0 && size < 256 && strlen(name) == size && !strchr(name, '/') && !streq(name, ".") &&
               !streq(name, "..");
}

static void put_files(Input *in, const char *folder) {
        for (size_t i = 0; i < 8 && in->size > 0; i++) {
                size_t n_name, n_text;
                _cleanup_free_ char *name = input_text(in, 0xff, &n_name), *text = input_text(in, 0xff, &n_text);
                _cleanup_free_ char *path = NULL;

                must(asprintf(&path, "%s/%s", folder, name) > 0);
                if (name_is_possible(name, n_name))
                        fuzz_write(path, text, n_text);
        }
}

/* As leased 0.1.0 wrote it, revision 7. */
static char *old_record(const char *escaped_key, const void *value, size_t size, size_t *ret_size) {
        char covered[256], magic[32];
        size_t head = (size_t) snprintf(covered, sizeof(covered), "7 %zu %s\n", size, escaped_key);
        uint32_t crc = local_crc32(local_crc32(local_crc32(0, covered, head), value, size), "\n", 1);
        size_t n = (size_t) snprintf(magic, sizeof(magic), "leased-record 1 %08x ", crc);
        char *text = malloc(n + head + size + 1);

        must(text);
        memcpy(text, magic, n);
        memcpy(text + n, covered, head);
        if (size > 0)
                memcpy(text + n + head, value, size);
        text[n + head + size] = '\n';
        *ret_size = n + head + size + 1;
        return text;
}

static void check_changed_record(Input in) {
        size_t at = input_byte(&in), size;
        uint8_t by = input_byte(&in);
        _cleanup_free_ char *text = old_record("leases+a.service", in.data, in.size, &size);
        LocalFile file = {};

        if (at >= size)
                return;
        text[at] = (char) (text[at] ^ by);
        if (local_file_decode(text, size, "leases+a.service", &file) == 1)
                must(file.size == in.size && memcmp(file.value, in.data, in.size) == 0 && file.mod_revision == 7);
        local_file_clear(&file);
}

/* Lists from the beginning, as another process would. How many sound records leases/a.service are there; -1: no
 * answer, or it is damaged. */
static int count_record(const char *path) {
        _cleanup_(local_store_freep) LocalStore *store = local_store_new(path);
        LocalResult result = {};
        int n = 0;

        must(store);
        if (local_store_list(store, &patience, "leases/", 0, &result) < 0)
                n = -1;
        for (size_t i = 0; n >= 0 && i < result.n_records; i++)
                if (streq(result.records[i].key, "leases/a.service")) {
                        must(result.records[i].damaged ||
                                        (result.records[i].size == 1 && memcmp(result.records[i].value, "x", 1) == 0));
                        n = result.records[i].damaged ? -1 : n + 1;
                }
        local_result_clear(&result);
        return n;
}

static void change_byte(const char *path, uint64_t where, uint8_t by) {
        _cleanup_free_ char *file = NULL;
        _cleanup_close_ int fd = -1;
        struct stat st;
        char byte;

        must(asprintf(&file, "%s/store", path) > 0);
        fd = open(file, O_RDWR | O_CLOEXEC);
        must(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0);
        where %= (uint64_t) st.st_size;
        must(pread(fd, &byte, 1, (off_t) where) == 1);
        byte = (char) (byte ^ by);
        must(pwrite(fd, &byte, 1, (off_t) where) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static unsigned number;
        static const char head[] = "leased-store 1 01234567-89ab-4cde-8f01-23456789abcd                    7\n";
        _cleanup_(local_store_freep) LocalStore *store = NULL;
        _cleanup_free_ char *base = NULL, *path = NULL, *records = NULL, *file = NULL, *error = NULL;
        RegistryRecord put = { .key = "leases/a.service", .value = "x", .size = 1 };
        RegistryTxn txn = { .puts = &put, .n_puts = 1 };
        LocalResult result = {};
        Input in = { data, size }, bytes = { data, size };

        check_changed_record(in);
        must(asprintf(&base, "/store-%u", number++) > 0 && asprintf(&path, "%s%s", fuzz_folder(), base) > 0);
        must(asprintf(&records, "%s/%s", base, "records") > 0 && asprintf(&file, "%s/store", base) > 0);
        must(local_directory_prepare(path, &error) == 0);
        fuzz_write(file, head, sizeof(head) - 1);
        must(asprintf(&error, "%s%s", fuzz_folder(), records) > 0 && mkdir(error, 0700) == 0);
        put_files(&in, records);
        store = local_store_new(path);
        must(store);
        if (local_store_txn(store, &patience, &txn, &result) == 0) {
                must(!result.refused && result.revision > 7);
                store = local_store_free(store);
                must(count_record(path) == 1);
                change_byte(path, input_number(&bytes, 2), input_byte(&bytes));
                must(count_record(path) != 0);
        }
        local_result_clear(&result);
        fuzz_remove(base);
        return 0;
}
