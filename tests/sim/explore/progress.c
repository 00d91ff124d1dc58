/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

/* A search goes on only by the very program that has begun it: another core reaches other states. */
static uint64_t print_of_program(void) {
        int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        uint64_t words[512], sum = 0;
        ssize_t n;

        while ((n = read(fd, words, sizeof(words))) > 0)
                for (size_t i = 0; i < (size_t) n / sizeof(uint64_t); i++)
                        sum = (sum ^ words[i]) * 0x9e3779b97f4a7c15u;
        if (n < 0)
                abort();
        (void) close(fd);
        return sum;
}

static void *map(int fd, size_t size) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS | MAP_NORESERVE : 0),
                        fd, 0);

        if (p == MAP_FAILED)
                abort();
        return p;
}

static int open_file(const char *file, size_t size) {
        int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || (st.st_size == 0 && ftruncate(fd, (off_t) size) < 0)) {
                (void) fprintf(stderr, "%s: %s\n", file, strerror(errno));
                return -1;
        }
        if (st.st_size != 0 && (size_t) st.st_size != size) {
                (void) fprintf(stderr, "%s is of a search with other --bits.\n", file);
                return -1;
        }
        return fd;
}

Progress *progress_open(const char *file, unsigned bits, uint64_t bounds, Seen **ret_seen) {
        size_t before = (sizeof(Progress) + PAGE - 1) / PAGE * PAGE, size = before + seen_size(bits);
        int fd = -1;
        Progress *p;

        bounds ^= print_of_program() | 1; /* of a new file it is 0 */
        if (file && (fd = open_file(file, size)) < 0)
                return NULL;
        p = map(fd, size);
        if (file && p->bounds != 0 && p->bounds != bounds) {
                (void) fprintf(stderr, "%s is of another search, or of another build.\n", file);
                return NULL;
        }
        if (p->shared.inside > 0) {
                (void) fprintf(stderr, "%s is of a search that has broken off: its states are of no use.\n", file);
                return NULL;
        }
        p->bounds = bounds;
        p->shared.end = SEARCH_GOES_ON;
        for (size_t i = 0; i < PROCESSES_MAX; i++) {
                p->counts[i].timeout = false;
                p->counts[i].before = p->counts[i].seconds;
        }
        *ret_seen = seen_at((char *) p + before, bits);
        return p;
}
