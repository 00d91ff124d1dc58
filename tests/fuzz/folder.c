/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "util/file-util.h"

static char *folder;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

void fuzz_remove(const char *path) {
        _cleanup_free_ char *full = NULL;

        must(asprintf(&full, "%s%s", fuzz_folder(), path) > 0);
        (void) nftw(full, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void folder_remove(void) {
        fuzz_remove("");
        free(folder);
        folder = NULL;
}

const char *fuzz_folder(void) {
        if (!folder) {
                folder = strdup(access("/dev/shm", W_OK) == 0 ? "/dev/shm/leased-fuzz-XXXXXX"
                                                              : "/tmp/leased-fuzz-XXXXXX");
                must(folder && mkdtemp(folder));
                must(atexit(folder_remove) == 0);
        }
        return folder;
}

void fuzz_write(const char *path, const void *data, size_t size) {
        _cleanup_free_ char *full = NULL;
        char *slash;
        int fd;

        must(asprintf(&full, "%s%s", fuzz_folder(), path) > 0);
        fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0) {
                slash = strrchr(full, '/');
                *slash = '\0';
                must(mkdir_parents(full, 0700) == 0);
                *slash = '/';
                fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        }
        must(fd >= 0);
        must(size == 0 || write(fd, data, size) == (ssize_t) size);
        (void) close(fd);
}
