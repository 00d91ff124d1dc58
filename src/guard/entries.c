/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/entries.h"

#include <errno.h>
#include <inttypes.h>

#include "guard/protocol.h"
#include "util/unit-name.h"

#define FIRST_LINE "leased-guard 1\n"

enum {
        FLAG_EXPIRED = 1 << 0,
        FLAG_LOST = 1 << 1,
        FLAG_OPEN = 1 << 2,
        FLAG_POST = 1 << 3,
        FLAG_FENCE = 1 << 4,
        FLAG_KEEPS = 1 << 5,
        FLAG_FREEZES = 1 << 6,
        FLAGS_ALL = (1 << 7) - 1,
};

void entries_write_head(FILE *f, const EntriesHead *head) {
        const ClientSocket *s = &head->socket;

        (void) fprintf(f, FIRST_LINE "at %" PRIu64 "\nbeat %" PRIu64 "\nsocket %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                        head->at, head->beat, s->device, s->inode, s->mode);
}

void entries_write(FILE *f, const char *unit, const EntryKept *k, bool fence) {
        int flags = (k->expired ? FLAG_EXPIRED : 0) | (k->lost ? FLAG_LOST : 0) | (k->open ? FLAG_OPEN : 0) |
                    (k->post ? FLAG_POST : 0) | (fence ? FLAG_FENCE : 0) | (k->keeps ? FLAG_KEEPS : 0) |
                    (k->freezes ? FLAG_FREEZES : 0);

        (void) fprintf(f, "entry %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d\n", unit, k->index,
                        k->stop_at, k->kill_at, k->stop_offset, k->kill_offset, flags);
        if (k->limit_kill > 0)
                (void) fprintf(f, "limit %" PRIu64 " %" PRIu64 "\n", k->limit_stop, k->limit_kill);
}

void entries_write_part(FILE *f, const char *part) {
        (void) fprintf(f, "part %s\n", part);
}

void entries_write_end(FILE *f, size_t count) {
        (void) fprintf(f, "end %zu\n", count);
}

/* ---- reading ---- */

typedef struct Text {
        const char *next, *end;
        bool bad;
} Text;

/* Passes over the words if the text goes on with them. */
static bool skip(Text *t, const char *words) {
        size_t n = strlen(words);

        if ((size_t) (t->end - t->next) < n || memcmp(t->next, words, n) != 0)
                return false;
        t->next += n;
        return true;
}

static void expect(Text *t, const char *words) {
        t->bad = t->bad || !skip(t, words);
}

/* Reads a number as it is written above: no sign, and no zero before another digit. */
static uint64_t number(Text *t) {
        const char *first = t->next;
        uint64_t n = 0;

        for (; t->next < t->end && *t->next >= '0' && *t->next <= '9'; t->next++)
                if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t) (*t->next - '0'), &n))
                        t->bad = true;
        if (t->next == first || (*first == '0' && t->next - first > 1))
                t->bad = true;
        return n;
}

static uint64_t number_after(Text *t, const char *words) {
        expect(t, words);
        return number(t);
}

static void name(Text *t, char buffer[UNIT_NAME_SPACE], bool (*is_valid)(const char *name)) {
        size_t n = 0;

        for (; t->next < t->end && *t->next != ' ' && *t->next != '\n' && n < UNIT_NAME_SPACE - 1; t->next++)
                buffer[n++] = *t->next;
        buffer[n] = '\0';
        t->bad = t->bad || strlen(buffer) != n || !is_valid(buffer);
}

static bool read_head(Text *t, EntriesHead *ret) {
        expect(t, FIRST_LINE);
        ret->at = number_after(t, "at ");
        ret->beat = number_after(t, "\nbeat ");
        ret->socket.device = number_after(t, "\nsocket ");
        ret->socket.inode = number_after(t, " ");
        ret->socket.mode = number_after(t, " ");
        expect(t, "\n");
        return !t->bad;
}

static bool read_entry(Text *t, char unit[UNIT_NAME_SPACE], EntryKept *ret, bool *ret_fence) {
        uint64_t flags;

        name(t, unit, guard_unit_is_valid);
        ret->index = number_after(t, " ");
        ret->stop_at = number_after(t, " ");
        ret->kill_at = number_after(t, " ");
        ret->stop_offset = number_after(t, " ");
        ret->kill_offset = number_after(t, " ");
        flags = number_after(t, " ");
        expect(t, "\n");
        ret->limit_stop = ret->limit_kill = 0;
        if (skip(t, "limit ")) {
                ret->limit_stop = number(t);
                ret->limit_kill = number_after(t, " ");
                expect(t, "\n");
                t->bad = t->bad || ret->limit_kill == 0;
        }
        ret->expired = flags & FLAG_EXPIRED;
        ret->lost = flags & FLAG_LOST;
        ret->open = flags & FLAG_OPEN;
        ret->post = flags & FLAG_POST;
        ret->keeps = flags & FLAG_KEEPS;
        ret->freezes = flags & FLAG_FREEZES;
        *ret_fence = flags & FLAG_FENCE;
        t->bad = t->bad || flags > FLAGS_ALL || !guard_entry_kept_is_valid(ret);
        return !t->bad;
}

/* Reads all, and calls the callbacks on the way if there are any. */
static int read_all(Text t, const EntriesCallbacks *callbacks, void *userdata) {
        char unit[UNIT_NAME_SPACE], part[UNIT_NAME_SPACE];
        EntriesHead head;
        EntryKept kept;
        uint64_t end;
        bool fence;
        int count = 0;

        if (!read_head(&t, &head))
                return -EBADMSG;
        if (callbacks)
                callbacks->head(&head, userdata);
        while (!t.bad) {
                if (skip(&t, "entry ")) {
                        if (read_entry(&t, unit, &kept, &fence) && callbacks)
                                callbacks->entry(unit, &kept, fence, userdata);
                        count++;
                } else if (count > 0 && skip(&t, "part ")) {
                        name(&t, part, guard_member_is_valid);
                        expect(&t, "\n");
                        if (!t.bad && callbacks)
                                callbacks->part(unit, part, userdata);
                } else
                        break;
        }
        end = number_after(&t, "end ");
        expect(&t, "\n");
        return t.bad || end != (uint64_t) count || t.next != t.end ? -EBADMSG : count;
}

int entries_decode(const char *text, size_t size, const EntriesCallbacks *callbacks, void *userdata) {
        Text t = { .next = text, .end = text + size };
        int r = read_all(t, NULL, NULL);

        return r < 0 || !callbacks ? r : read_all(t, callbacks, userdata);
}
