/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/local/old-file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/local/crc.h"
#include "registry/registry.h"
#include "util/file-util.h"

#define MAGIC "leased-record 1 "

enum {
        HEAD_MAX = 128 + 3 * REGISTRY_KEY_MAX,
        CRC_AT = sizeof(MAGIC) - 1,
        COVERED_AT = CRC_AT + 8 + 1,
};

void local_file_clear(LocalFile *file) {
        free(file->key);
        free(file->value);
        *file = (LocalFile){};
}

/* Digits from *p on and the character that ends them; moves *p behind it. end is where the text ends. */
static bool parse_number(const char **p, const char *end, char last, uint64_t *ret) {
        const char *begin = *p;
        uint64_t n = 0;

        for (; *p < end && **p >= '0' && **p <= '9'; (*p)++)
                if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t) (**p - '0'), &n))
                        return false;
        if (*p == begin || *p >= end || **p != last)
                return false;
        (*p)++;
        *ret = n;
        return true;
}

/* The key that the record says it has, escaped: it must be of one key only, and its file's name must be this one. 1, 0
 * or -ENOMEM. */
static int decode_key(const char *escaped, size_t size, const char *name, char **ret) {
        _cleanup_free_ char *copy = strndup(escaped, size);
        char expected[LOCAL_NAME_SIZE];

        if (!copy)
                return -ENOMEM;
        if (strlen(copy) != size)
                return 0; /* a NUL byte */
        local_name(copy, expected);
        return streq(expected, name) ? local_unescape_key(copy, ret) : 0;
}

int local_file_decode(const char *data, size_t size, const char *name, LocalFile *ret) {
        const char *end = memchr(data, '\n', MIN(size, (size_t) HEAD_MAX)), *p;
        LocalFile file = {};
        uint64_t value_size;
        char crc[16];
        int r;

        if (!end || end - data < COVERED_AT || memcmp(data, MAGIC, CRC_AT) != 0)
                return 0;
        p = data + COVERED_AT;
        (void) snprintf(crc, sizeof(crc), "%08" PRIx32 " ", local_crc32(0, p, size - COVERED_AT));
        if (memcmp(data + CRC_AT, crc, COVERED_AT - CRC_AT) != 0)
                return 0;
        if (!parse_number(&p, end, ' ', &file.mod_revision) || !parse_number(&p, end, ' ', &value_size))
                return 0;
        if (file.mod_revision == 0 || file.mod_revision > INT64_MAX || value_size > REGISTRY_VALUE_MAX ||
                        size != (size_t) (end + 1 - data) + value_size + 1 || data[size - 1] != '\n')
                return 0;
        r = decode_key(p, (size_t) (end - p), name, &file.key);
        if (r <= 0)
                return r;
        file.size = value_size;
        file.value = malloc(value_size + 1);
        if (!file.value) {
                local_file_clear(&file);
                return -ENOMEM;
        }
        memcpy(file.value, end + 1, value_size);
        file.value[value_size] = '\0';
        *ret = file;
        return 1;
}

/* Whether the error says that there is something that cannot be read, and not that nobody could look. */
static bool is_damage(int error) {
        switch (error) {
        case -EIO:
        case -EBADMSG:
        case -EUCLEAN:
        case -EISDIR:
        case -ELOOP:
        case -E2BIG:
        case -ENXIO:
        case -EACCES:
        case -EPERM:
        case -ENODATA:
                return true;
        default:
                return false;
        }
}

static int read_text(int directory_fd, const char *name, char **ret, size_t *ret_length) {
        /* Whatever lies there must not make us wait: a FIFO is opened without a writer. */
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        return read_fd(fd, HEAD_MAX + REGISTRY_VALUE_MAX + 1, ret, ret_length);
}

int local_file_read(int directory_fd, const char *name, LocalFile *ret) {
        _cleanup_free_ char *text = NULL;
        LocalFile file = { .damaged = true };
        size_t length = 0;
        int r, k = 0;

        r = read_text(directory_fd, name, &text, &length);
        if (r < 0 && !is_damage(r))
                return r;
        if (r == 0)
                k = local_file_decode(text, length, name, &file);
        if (k == 0)
                k = local_unescape(name, &file.key);
        if (k < 0)
                return k;
        *ret = file;
        return 0;
}
