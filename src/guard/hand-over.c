/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/hand-over.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "guard/entries.h"
#include "guard/guard-internal.h"
#include "guard/reload.h"
#include "util/file-util.h"
#include "util/log.h"

/* How long the check of the program may take, and how long after it the guard waits for a calm moment. */
#define CHECK_MAX (3 * USEC_PER_SEC)
#define CALM_MAX (10 * USEC_PER_SEC)
/* How far away the next deadline must be: far more than the time without a guard, which was 2 ms on a busy machine. */
#define ROOM (300 * USEC_PER_MSEC)

static int write_entries(const Guard *g, FILE *f) {
        EntriesHead head = { .at = now_boottime(), .beat = gates_last_beat(g->gates) };
        Item *item, *next;
        size_t count = 0;

        (void) client_listening(g->client, &head.socket);
        entries_write_head(f, &head);
        HASH_ITER(hh, g->items, item, next) {
                const GuardEntry *e = &item->entry;
                EntryKept kept;

                if (e->index == 0 || guard_entry_is_busy(e)) /* the text for the check may leave busy entries out; at
                                                                the hand-over itself there are none (is_calm()) */
                        continue;
                kept = guard_entry_keep(e);
                entries_write(f, item->unit, &kept, item->fence);
                for (size_t i = 1; i < item->n_parts; i++) /* the first is the unit itself */
                        entries_write_part(f, item->parts[i].name);
                count++;
        }
        entries_write_end(f, count);
        return ferror(f) ? -ENOMEM : 0;
}

/* Returns a descriptor of a file in memory with the entries, at its beginning, or a negative errno. */
static int keep_entries(const Guard *g) {
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = memfd_create("leased-guard", MFD_CLOEXEC);
        size_t size = 0;
        FILE *f;
        int r;

        if (fd < 0)
                return -errno;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        r = write_entries(g, f);
        if (fclose(f) != 0 && r == 0)
                r = -ENOMEM;
        if (r == 0)
                r = write_all(fd, text, size);
        if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (r < 0)
                return r;
        r = fd;
        fd = -1;
        return r;
}

/* ---- the check ---- */

/* Gives the hand-over up; the guard goes on as before. The child is killed, and reaped by on_checked() whenever it has
 * died. */
static void give_up(HandOver *h) {
        if (h->child > 0)
                (void) kill(h->child, SIGKILL);
        h->until = 0;
        h->checked = false;
}

static int on_checked(sd_event_source *source, const siginfo_t *info, void *userdata) {
        Guard *g = userdata;
        HandOver *h = &g->hand_over;

        h->check = sd_event_source_disable_unref(h->check);
        h->child = 0;
        if (h->until == 0) /* given up: the check took too long */
                return 0;
        if (info->si_code == CLD_EXITED && info->si_status == EXIT_SUCCESS) {
                h->until = usec_add(now_boottime(), CALM_MAX);
                h->checked = true;
                /* Has the next turn come at once, since this moment may be calm. If this fails, the next turn comes
                 * within a second. */
                (void) sd_event_source_set_time(g->timer, now_boottime());
                return 0;
        }
        log_error("%s cannot take the place of this guard (%s %d): going on as before", h->program,
                        info->si_code == CLD_EXITED ? "exit code" : "signal", info->si_status);
        give_up(h);
        return 0;
}

/* Starts a child that executes the program with --check. The child may wait for the disk, which this guard may not:
 * what the child has read of the program and its libraries is in memory when this guard executes the program. */
static int start_check(Guard *g, int fd) {
        HandOver *h = &g->hand_over;
        char entries[32];
        char *arguments[] = { h->program, (char *) "--check", entries, NULL };
        pid_t child, parent = getpid();

        (void) snprintf(entries, sizeof(entries), "--entries=%d", fd);
        if (stat(h->program, &h->file) < 0)
                return -errno;
        child = fork();
        if (child < 0)
                return -errno;
        if (child == 0) {
                /* The child dies with this guard. Otherwise PID 1 would start --wipe only after the child. */
                if (prctl(PR_SET_PDEATHSIG, SIGKILL) >= 0 && getppid() == parent && fcntl(fd, F_SETFD, 0) >= 0)
                        (void) execv(h->program, arguments);
                _exit(EXIT_FAILURE);
        }
        h->child = child;
        return sd_event_add_child(g->event, &h->check, child, WEXITED, on_checked, g);
}

void hand_over_begin(Guard *g) {
        HandOver *h = &g->hand_over;
        _cleanup_close_ int fd = -1;
        int r;

        if (g->ending || h->until > 0 || h->check)
                return;
        fd = h->program ? keep_entries(g) : -ENOENT;
        h->until = usec_add(now_boottime(), CHECK_MAX);
        h->checked = false;
        r = fd < 0 ? fd : start_check(g, fd);
        if (r >= 0)
                return;
        (void) log_error_errno(r, "cannot check the program that is to take the place of this guard");
        give_up(h);
}

void hand_over_done(HandOver *h) {
        give_up(h);
        sd_event_source_disable_unref(h->check);
        free(h->program);
}

/* ---- the hand-over ---- */

/* Whether nothing is under way for any entry, and no deadline is near. */
static bool is_calm(const Guard *g, usec_t now) {
        return !g->busy && !g->restoring && !g->losing && !g->turn.more && !g->turn.in_round && !g->ending &&
               g->calm_next >= usec_add(now, ROOM) && g->watchdog >= usec_add(now, ROOM);
}

/* Sets a timer that stands for the guard's alarm during the exec, which the alarm (alarm.h) does not outlive. An
 * interval timer does, and its SIGALRM ends the process. at is CLOCK_BOOTTIME; USEC_INFINITY: off. */
static void set_alarm_over_exec(usec_t at) {
        usec_t left = at == USEC_INFINITY ? 0 : MAX(usec_sub(at, now_boottime()), (usec_t) 1);
        struct itimerval timer = { .it_value = { .tv_sec = (time_t) (left / USEC_PER_SEC),
                                                   .tv_usec = (long) (left % USEC_PER_SEC) } };

        (void) setitimer(ITIMER_REAL, &timer, NULL);
}

void hand_over_end(void) {
        set_alarm_over_exec(USEC_INFINITY);
}

/* Whether the program is still the file that was checked. */
static bool is_checked(const HandOver *h) {
        const struct stat *was = &h->file;
        struct stat is;

        return stat(h->program, &is) == 0 && is.st_dev == was->st_dev && is.st_ino == was->st_ino &&
               is.st_size == was->st_size && is.st_ctim.tv_sec == was->st_ctim.tv_sec &&
               is.st_ctim.tv_nsec == was->st_ctim.tv_nsec;
}

/* Puts the time into the environment, from which "leased-guard --reload" sees that a hand-over has come about. */
static int note_hand_over(void) {
        char text[32];

        (void) snprintf(text, sizeof(text), "%" PRIu64, now_boottime());
        return setenv(HANDED_OVER_AT, text, true) < 0 ? -errno : 0;
}

/* Executes the program in the place of this guard. Returns only if this fails, and then a negative errno. */
static int execute(Guard *g) {
        char entries[32], listening[32];
        char *arguments[] = { g->hand_over.program, entries, listening, NULL };
        ClientSocket made;
        int listen_fd = client_listening(g->client, &made), r;
        _cleanup_close_ int fd = keep_entries(g);

        if (fd < 0)
                return fd;
        (void) snprintf(entries, sizeof(entries), "--entries=%d", fd);
        (void) snprintf(listening, sizeof(listening), "--listen=%d", listen_fd);
        r = note_hand_over();
        if (r < 0)
                return r;
        if (fcntl(fd, F_SETFD, 0) < 0 || fcntl(listen_fd, F_SETFD, 0) < 0)
                return -errno;
        set_alarm_over_exec(g->calm_alarm);
        (void) execv(g->hand_over.program, arguments);
        r = -errno;
        set_alarm_over_exec(USEC_INFINITY);
        (void) fcntl(listen_fd, F_SETFD, FD_CLOEXEC);
        return r;
}

void hand_over_settle(Guard *g, usec_t now) {
        HandOver *h = &g->hand_over;
        int r;

        if (h->until == 0)
                return;
        if (g->ending || now >= h->until) {
                if (!g->ending)
                        log_error("%s: %s, going on as before", h->program,
                                        h->checked ? "no calm moment for it to take the place of this guard"
                                                   : "its check takes too long");
                give_up(h);
                return;
        }
        if (!h->checked || !is_calm(g, now))
                return;
        if (!is_checked(h)) {
                log_notice("%s was replaced after its check: checking it again", h->program);
                give_up(h);
                hand_over_begin(g);
                return;
        }
        r = execute(g);
        (void) log_error_errno(r, "%s cannot be executed, going on as before", h->program);
        give_up(h);
}

/* ---- the other end ---- */

typedef struct Take {
        Guard *g;
        EntriesHead head;
        Item *item; /* of the last entry */
        bool failed;
} Take;

static void take_head(const EntriesHead *head, void *userdata) {
        Take *t = userdata;

        t->head = *head;
        gates_take_beat(t->g->gates, head->beat);
}

static void take_entry(const char *unit, const EntryKept *kept, bool fence, void *userdata) {
        Take *t = userdata;

        t->item = item_find(t->g, unit) ? NULL : item_obtain(t->g, unit);
        if (!t->item) {
                t->failed = true;
                return;
        }
        t->item->fence = fence;
        item_perform(t->g, t->item, guard_entry_take_over(&t->item->entry, now_boottime(), kept));
}

static void take_part(const char *unit, const char *part, void *userdata) {
        Take *t = userdata;

        if (!t->item || item_add_part(t->item, part) < 0)
                t->failed = true;
}

int hand_over_take(Guard *g, const char *text, size_t size, ClientSocket *ret) {
        static const EntriesCallbacks callbacks = { take_head, take_entry, take_part };
        Take t = { .g = g };
        int r = entries_decode(text, size, &callbacks, &t);

        if (r < 0 || t.failed)
                return r < 0 ? r : -ENOMEM;
        *ret = t.head.socket;
        log_notice("This guard (" LEASED_VERSION ") has taken the place of the one before: %d %s, %" PRIu64
                   ".%03" PRIu64 " ms after they were handed on",
                        r, r == 1 ? "entry" : "entries", usec_sub(now_boottime(), t.head.at) / USEC_PER_MSEC,
                        usec_sub(now_boottime(), t.head.at) % USEC_PER_MSEC);
        return r;
}
