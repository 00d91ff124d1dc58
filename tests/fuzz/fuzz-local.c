/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of the local registry in which somebody else has been: files of any name, parted by a byte 0xFF from
 * what is in them. Listing it says what can be read and what is damaged; a record that is written afterwards is there,
 * and the only one of its key. A record's own file with one byte changed is damaged, or reads as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "registry/local/file.h"
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

static void check_changed_file(Input in) {
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int folder = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t at = input_byte(&in);
        uint8_t by = input_byte(&in);
        LocalFile file = {};
        char byte;
        int fd = -1;

        must(folder >= 0);
        (void) unlinkat(folder, "one", 0);
        must(local_file_write(folder, "one", "leases+a.service", in.data, in.size, 7, &fd) == 0);
        if (pread(fd, &byte, 1, (off_t) at) == 1) {
                byte = (char) (byte ^ by);
                must(pwrite(fd, &byte, 1, (off_t) at) == 1);
                must(local_file_read(folder, "one", &file) == 0);
                if (!file.damaged)
                        must(file.size == in.size && memcmp(file.value, in.data, in.size) == 0 &&
                                        file.mod_revision == 7);
                local_file_clear(&file);
        }
        (void) close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static unsigned number;
        _cleanup_(local_store_freep) LocalStore *store = NULL;
        _cleanup_free_ char *base = NULL, *path = NULL, *records = NULL, *error = NULL;
        RegistryRecord put = { .key = "leases/a.service", .value = "x", .size = 1 };
        RegistryTxn txn = { .puts = &put, .n_puts = 1 };
        LocalResult result = {};
        Input in = { data, size };
        size_t found = 0;

        check_changed_file(in);
        must(asprintf(&base, "/store-%u", number++) > 0 && asprintf(&path, "%s%s", fuzz_folder(), base) > 0);
        must(asprintf(&records, "%s/%s", base, "records") > 0);
        must(local_directory_prepare(path, &error) == 0);
        store = local_store_new(path);
        must(store);
        must(local_store_list(store, &patience, "", &result) == 0);
        local_result_clear(&result);
        put_files(&in, records);
        (void) local_store_list(store, &patience, "", &result);
        local_result_clear(&result);
        if (local_store_txn(store, &patience, &txn, &result) == 0) {
                must(!result.refused && result.revision > 0);
                local_result_clear(&result);
                must(local_store_list(store, &patience, "leases/", &result) == 0);
                for (size_t i = 0; i < result.n_records; i++)
                        found += result.records[i].key && streq(result.records[i].key, "leases/a.service") &&
                                 !result.records[i].damaged;
                must(found == 1);
        }
        local_result_clear(&result);
        store = local_store_free(store);
        fuzz_remove(base);
        return 0;
}
