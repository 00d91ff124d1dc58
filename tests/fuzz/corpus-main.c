/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives a fuzzer's function every file of a folder, in the order of their names, and nothing at all first. A file that
 * breaks it is the one named last on standard error.
 */
#include <dirent.h>

#include "fuzz.h"
#include "util/file-util.h"

static int is_input(const struct dirent *entry) {
        return entry->d_name[0] != '.';
}

static void play(const char *folder, const char *name) {
        _cleanup_free_ char *path = NULL, *data = NULL;
        uint8_t *exact;
        size_t size;

        must(asprintf(&path, "%s/%s", folder, name) > 0);
        (void) fprintf(stderr, "%s\n", path);
        must(read_file(path, 1 << 20, &data, &size) == 0);
        /* Exactly as large as it is, so that a sanitizer or valgrind sees a byte that is read behind its end. */
        exact = malloc(size ?: 1);
        must(exact);
        if (size > 0)
                memcpy(exact, data, size);
        (void) LLVMFuzzerTestOneInput(exact, size);
        free(exact);
}

int main(int argc, char **argv) {
        struct dirent **entries = NULL;
        int n;

        must(argc == 2);
        n = scandir(argv[1], &entries, is_input, alphasort);
        if (n <= 0) {
                (void) fprintf(stderr, "%s: there are no inputs\n", argv[1]);
                return EXIT_FAILURE;
        }
        (void) LLVMFuzzerTestOneInput((const uint8_t *) "", 0);
        for (int i = 0; i < n; i++) {
                play(argv[1], entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        printf("%d inputs\n", n);
        return EXIT_SUCCESS;
}
