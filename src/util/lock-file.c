/* SPDX-License-Identifier: Apache-2.0 */
#include "util/lock-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "util/file-util.h"
#include "util/text.h"

#define CONTENT_MAX 4096u

int lock_file_open(int dir_fd, const char *name, bool create) {
        int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);

        return fd < 0 ? -errno : fd;
}

int lock_file_try(int fd) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
                return 0;
        return errno == EINTR ? -EWOULDBLOCK : -errno;
}

bool lock_file_is_private(int fd) {
        struct stat st;

        return fstat(fd, &st) == 0 && (st.st_mode & 0077) == 0 && st.st_uid == geteuid();
}

static int make_copy(int dir_fd, const char *name, const char *content, size_t size) {
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r, keep;

        if (fd < 0)
                return -errno;
        r = lock_file_try(fd);
        if (r == 0)
                r = write_all(fd, content, size);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(dir_fd, name, 0);
                return r;
        }
        keep = fd;
        fd = -1;
        return keep;
}

int lock_file_replace(int dir_fd, const char *name, int *fd) {
        char content[CONTENT_MAX];
        ssize_t n = pread(*fd, content, sizeof(content), 0);
        _cleanup_free_ char *temporary = NULL;
        int copy;

        if (n < 0)
                return -errno;
        temporary = text_format("%s.new", name);
        if (!temporary)
                return -ENOMEM;
        (void) unlinkat(dir_fd, temporary, 0); /* left by a process that was interrupted here */
        copy = make_copy(dir_fd, temporary, content, (size_t) n);
        if (copy < 0)
                return copy;
        if (renameat(dir_fd, temporary, dir_fd, name) < 0) {
                int r = -errno;

                (void) unlinkat(dir_fd, temporary, 0);
                (void) close(copy);
                return r;
        }
        (void) close(*fd);
        *fd = copy;
        return 0;
}
