/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/gate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/event-log.h"
#include "util/file-util.h"
#include "util/must.h"
#include "util/strv.h"

#define MEMBERS_SIZE_MAX ((size_t) 1024 * 1024)
#define NUMBER_SIZE 20u                       /* digits */
#define BEAT_SIZE (NUMBER_SIZE + 1)           /* and a newline */
#define PAUSE_SIZE (2 * (NUMBER_SIZE + 1))    /* a space, and a newline */
#define MARK_SIZE (3 * (NUMBER_SIZE + 1) + 2) /* index, kill_at, kill_offset, ended, and a newline */

/* A folder as it was when it was last looked at. */
typedef struct Seen {
        dev_t device;
        ino_t inode;
        struct timespec modified;
} Seen;

struct Gates {
        char held[256], marks[256], members[256], environments[256], beat[256], pause[256];
        int beat_fd;
        usec_t t0; /* of the last beat; 0: none has come yet */
        Seen held_seen, marks_seen;
        bool look_again;
        DIR *sweep;       /* the folder of gates while it is gone through, owned; NULL: it is not */
        bool sweep_again; /* it is gone through once more after that */
        int sweep_failed; /* the first failure on the way; 0: none */
};

static int path_of(char *buf, size_t size, const char *directory, const char *name) {
        int n = snprintf(buf, size, "%s/%s", directory, name);

        return n < 0 || (size_t) n >= size ? -ENAMETOOLONG : 0;
}

/* Writes in one piece and in place: a file that is there gets no longer, so it can be written while /run is full. */
static int write_in_place(int fd, const char *text, size_t size) {
        ssize_t n = pwrite(fd, text, size, 0);

        if (n < 0)
                return -errno;
        return (size_t) n == size ? 0 : -ENOSPC;
}

static void make_files(Gates *g) {
        struct stat there, ours;

        (void) mkdir_parents(g->held, 0755);
        (void) mkdir_parents(g->marks, 0755);
        if (g->beat_fd >= 0 && lstat(g->beat, &there) == 0 && fstat(g->beat_fd, &ours) == 0 &&
                        there.st_dev == ours.st_dev && there.st_ino == ours.st_ino)
                return;

        int fd = open(g->beat, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return;
        (void) fchmod(fd, 0600);
        closep(&g->beat_fd);
        g->beat_fd = fd;
        if (g->t0 > 0)
                (void) gates_beat(g, g->t0);
}

static bool has_changed(const char *folder, Seen *seen) {
        Seen now = {};
        struct stat st;
        bool changed;

        if (stat(folder, &st) == 0)
                now = (Seen){ st.st_dev, st.st_ino, st.st_mtim };
        changed = now.device != seen->device || now.inode != seen->inode ||
                  now.modified.tv_sec != seen->modified.tv_sec || now.modified.tv_nsec != seen->modified.tv_nsec;
        *seen = now;
        return changed;
}

bool gates_look(Gates *g) {
        bool changed, again = g->look_again;

        make_files(g);
        changed = has_changed(g->held, &g->held_seen);
        changed = has_changed(g->marks, &g->marks_seen) || changed;
        /* Two changes may bear the same time: the clock of a file system is coarse. */
        g->look_again = changed;
        return changed || again;
}

int gates_new(const char *directory, Gates **ret) {
        _cleanup_(gates_freep) Gates *g = calloc(1, sizeof(Gates));
        int r;

        if (!g)
                return -ENOMEM;
        g->beat_fd = -1;
        if ((r = path_of(g->held, sizeof(g->held), directory, "held")) < 0 ||
                        (r = path_of(g->marks, sizeof(g->marks), directory, "guard")) < 0 ||
                        (r = path_of(g->members, sizeof(g->members), directory, "members")) < 0 ||
                        (r = path_of(g->environments, sizeof(g->environments), directory, "env")) < 0 ||
                        (r = path_of(g->beat, sizeof(g->beat), directory, "guard.beat")) < 0 ||
                        (r = path_of(g->pause, sizeof(g->pause), directory, "guard.pause")) < 0)
                return r;
        make_files(g);
        *ret = TAKE_PTR(g);
        return 0;
}

void gates_look_again(Gates *g) {
        g->look_again = true;
}

Gates *gates_free(Gates *g) {
        if (!g)
                return NULL;
        if (g->beat_fd >= 0)
                (void) close(g->beat_fd);
        if (g->sweep)
                (void) closedir(g->sweep);
        free(g);
        return NULL;
}

/* Removes a file or an empty folder: AssertPathExists= looks for a path, whatever lies there. The path may be relative
 * to a folder that is open. */
static int remove_path(int folder, const char *path) {
        if (unlinkat(folder, path, 0) >= 0 || errno == ENOENT)
                return 0;
        if ((errno == EISDIR || errno == EPERM) && unlinkat(folder, path, AT_REMOVEDIR) >= 0)
                return 0;
        return -errno;
}

void gates_sweep_begin(Gates *g) {
        g->sweep_again = true;
}

/* The folder is opened anew for each time that it is gone through: somebody may have put another one in its place. */
static void sweep_open(Gates *g) {
        g->sweep_again = false;
        g->sweep = opendir(g->held);
        if (!g->sweep && errno != ENOENT && g->sweep_failed == 0)
                g->sweep_failed = -errno;
}

/* The end of the folder. Returns what gates_sweep() does. */
static int sweep_close(Gates *g) {
        int r = g->sweep_failed;

        if (g->sweep)
                (void) closedir(g->sweep);
        g->sweep = NULL;
        if (g->sweep_again)
                return GATES_SWEEP_MORE;
        g->sweep_failed = 0;
        if (r < 0)
                g->held_seen = (Seen){}; /* gates_look() sees a change, and the gates are gone through again */
        return r;
}

int gates_sweep(Gates *g, unsigned most, bool (*stays)(const char *unit, void *userdata), void *userdata) {
        if (!g->sweep && g->sweep_again)
                sweep_open(g);
        for (unsigned n = 0; n < most; n++) {
                const struct dirent *e = g->sweep ? readdir(g->sweep) : NULL;
                int r;

                if (!e)
                        return sweep_close(g);
                if (streq(e->d_name, ".") || streq(e->d_name, "..") || (stays && stays(e->d_name, userdata)))
                        continue;
                r = remove_path(dirfd(g->sweep), e->d_name);
                if (r < 0 && g->sweep_failed == 0)
                        g->sweep_failed = r;
        }
        return GATES_SWEEP_MORE;
}

int gates_wipe(Gates *g) {
        int r;

        gates_sweep_begin(g);
        do
                r = gates_sweep(g, UINT_MAX, NULL, NULL);
        while (r == GATES_SWEEP_MORE);
        if (r == 0)
                event_log(0, "wiped");
        return r;
}

int gates_open(Gates *g, const char *unit) {
        char path[600];
        int r = path_of(path, sizeof(path), g->held, unit);

        if (r < 0)
                return r;

        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);
        return fd < 0 ? -errno : 0;
}

static bool has(const char *folder, const char *unit) {
        char path[600];

        return path_of(path, sizeof(path), folder, unit) == 0 && access(path, F_OK) == 0;
}

bool gates_has_gate(const Gates *g, const char *unit) {
        return has(g->held, unit);
}

bool gates_has_mark(const Gates *g, const char *unit) {
        return has(g->marks, unit);
}

bool gates_has_environment(const Gates *g, const char *unit) {
        return has(g->environments, unit);
}

int gates_close(Gates *g, const char *unit) {
        char path[600];
        int r = path_of(path, sizeof(path), g->held, unit);

        return r < 0 ? r : remove_path(AT_FDCWD, path);
}

int gates_mark(Gates *g, const char *unit, const Mark *mark) {
        char path[600], text[128];
        int n, r;

        r = path_of(path, sizeof(path), g->marks, unit);
        if (r < 0)
                return r;
        n = snprintf(text, sizeof(text), "%020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %d\n", mark->index,
                        mark->kill_at, mark->kill_offset,
                        mark->kill_at == USEC_INFINITY ? 2 : mark->ended); /* an older guard kills at once */
        must(n == MARK_SIZE); /* so that a shorter text never leaves the end of a longer one */

        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        return fd < 0 ? -errno : write_in_place(fd, text, (size_t) n);
}

int gates_unmark(Gates *g, const char *unit) {
        char path[600];
        int r = path_of(path, sizeof(path), g->marks, unit);

        return r < 0 ? r : unlink_if_exists(path);
}

int gates_members(Gates *g, const char *unit, char ***ret) {
        _cleanup_free_ char *text = NULL;
        char path[600];
        int r = path_of(path, sizeof(path), g->members, unit);

        if (r == 0)
                r = read_file(path, MEMBERS_SIZE_MAX, &text, NULL);
        if (r == -ENOENT) {
                *ret = NULL;
                return access(g->members, F_OK) < 0 ? GATES_NO_MEMBERS_FOLDER : 0;
        }
        return r < 0 ? r : strv_split_lines(text, ret);
}

int gates_beat(Gates *g, usec_t t0) {
        char text[BEAT_SIZE + 1];

        g->t0 = t0;
        if (g->beat_fd < 0)
                return -EBADF;
        (void) snprintf(text, sizeof(text), "%020" PRIu64 "\n", t0);
        return write_in_place(g->beat_fd, text, BEAT_SIZE);
}

usec_t gates_last_beat(const Gates *g) {
        return g->t0;
}

void gates_take_beat(Gates *g, usec_t t0) {
        g->t0 = t0;
}

/* Reads a number of NUMBER_SIZE digits, as gates_mark() and gates_beat() write them. */
static bool decode_number(const char *text, uint64_t *ret) {
        uint64_t n = 0;

        for (size_t i = 0; i < NUMBER_SIZE; i++)
                if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
                                __builtin_add_overflow(n, (uint64_t) (text[i] - '0'), &n))
                        return false;
        *ret = n;
        return true;
}

bool beat_decode(const char *text, size_t size, usec_t *ret) {
        return size == BEAT_SIZE && text[NUMBER_SIZE] == '\n' && decode_number(text, ret);
}

bool mark_decode(const char *text, size_t size, Mark *ret) {
        enum { SECOND = NUMBER_SIZE + 1, THIRD = 2 * SECOND, ENDED = 3 * SECOND };
        Mark m;

        if (size != MARK_SIZE || text[SECOND - 1] != ' ' || text[THIRD - 1] != ' ' || text[ENDED - 1] != ' ' ||
                        text[ENDED] < '0' || text[ENDED] > '2' || text[ENDED + 1] != '\n')
                return false;
        if (!decode_number(text, &m.index) || !decode_number(text + SECOND, &m.kill_at) ||
                        !decode_number(text + THIRD, &m.kill_offset))
                return false;
        m.ended = text[ENDED] == '1';
        if (text[ENDED] == '2' && m.kill_at != USEC_INFINITY)
                return false;
        *ret = m;
        return true;
}

static usec_t read_beat(const Gates *g) {
        char text[BEAT_SIZE];
        usec_t t0;

        if (g->beat_fd < 0 || pread(g->beat_fd, text, BEAT_SIZE, 0) != (ssize_t) BEAT_SIZE)
                return 0;
        return beat_decode(text, BEAT_SIZE, &t0) ? t0 : 0;
}

int gates_write_pause(const Gates *g, usec_t seen_at, usec_t jump) {
        char text[PAUSE_SIZE + 1];

        (void) snprintf(text, sizeof(text), "%020" PRIu64 " %020" PRIu64 "\n", seen_at, jump);
        return write_file_atomic(g->pause, text, PAUSE_SIZE, 0600, 0);
}

void gates_read_pause(const Gates *g, usec_t *ret_seen_at, usec_t *ret_jump) {
        _cleanup_free_ char *text = NULL;
        size_t size;

        *ret_seen_at = *ret_jump = 0;
        if (read_file(g->pause, PAUSE_SIZE, &text, &size) < 0 || size != PAUSE_SIZE || text[NUMBER_SIZE] != ' ' ||
                        !decode_number(text, ret_seen_at) || !decode_number(text + NUMBER_SIZE + 1, ret_jump))
                *ret_seen_at = *ret_jump = 0;
}

static Mark read_mark(const char *path, usec_t t0) {
        _cleanup_free_ char *text = NULL;
        Mark m = {};
        size_t size;

        if (read_file(path, 4096, &text, &size) < 0 || !mark_decode(text, size, &m))
                return (Mark){};
        if (!m.ended && t0 > 0)
                m.kill_at = MAX(m.kill_at, usec_add(t0, m.kill_offset));
        return m;
}

int gates_each_mark(Gates *g, void (*f)(const char *unit, const Mark *mark, void *userdata), void *userdata) {
        DIR *dir = opendir(g->marks);
        usec_t t0 = read_beat(g);

        if (!dir)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
                char path[600];
                Mark mark;

                if (e->d_name[0] == '.' || path_of(path, sizeof(path), g->marks, e->d_name) < 0)
                        continue;
                mark = read_mark(path, t0);
                f(e->d_name, &mark, userdata);
        }
        (void) closedir(dir);
        return 0;
}
