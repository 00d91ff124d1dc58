/* SPDX-License-Identifier: Apache-2.0 */
#include "util/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#include "util/file-util.h"
#include "util/log.h"
#include "util/must.h"
#include "util/text.h"
#include "util/words.h"

typedef struct JournalEntry {
        char text[4096];
        size_t size;
} JournalEntry;

/* What journald has not taken yet, the oldest first. */
typedef struct Kept {
        struct Kept *prev, *next;
        size_t size;
        char text[];
} Kept;

static Kept *kept;
static size_t kept_size;

#define FLUSH_TIME (2 * USEC_PER_MSEC)

/* Adds one field, "NAME=value". Newlines in the value become spaces. A field for which there is no room is left out.
 */
static void add_field(JournalEntry *e, const char *format, ...) _printf_(2, 3);

static void add_field(JournalEntry *e, const char *format, ...) {
        size_t room = sizeof(e->text) - e->size;
        char *field = e->text + e->size;
        va_list ap;
        int n;

        must(!strchr(format, '\n'));
        va_start(ap, format);
        n = vsnprintf(field, room, format, ap);
        va_end(ap);
        if (n < 0 || (size_t) n + 1 > room)
                return;
        for (char *c = field; *c; c++)
                if (*c == '\n')
                        *c = ' ';
        field[n] = '\n';
        e->size += (size_t) n + 1;
}

/* Tries once to send an entry. Returns 0, or a negative errno: the entry was not sent (-EAGAIN: journald does not
 * read). */
static int post(const char *text, size_t size) {
        static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if (sendto(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *) &address, sizeof(address)) <
                        0)
                return -errno;
        return 0;
}

static int keep(const JournalEntry *e) {
        Kept *k = kept_size + e->size <= JOURNAL_KEPT_MAX ? malloc(sizeof(Kept) + e->size) : NULL;

        if (!k)
                return -ENOBUFS;
        *k = (Kept){ .size = e->size };
        memcpy(k->text, e->text, e->size);
        DL_APPEND(kept, k);
        kept_size += k->size;
        return 0;
}

bool journal_flush(void) {
        usec_t until;

        must(gettid() == getpid());
        if (!kept)
                return false;
        until = usec_add(now_boottime(), FLUSH_TIME);
        while (kept && now_boottime() <= until) {
                Kept *k = kept;
                int r = post(k->text, k->size);

                if (r == -EAGAIN)
                        break;
                if (r < 0)
                        words_lost(1);
                DL_DELETE(kept, k);
                kept_size -= k->size;
                free(k);
        }
        return kept;
}

static void add_text(JournalEntry *e, const char *field, const char *text) {
        char clean[2048];

        if (!isempty(text))
                add_field(e, "%s=%s", field, text_clean(clean, sizeof(clean), text));
}

void journal_event(int level, const JournalEvent *e, const char *text) {
        const char *subject = isempty(e->unit) ? e->lease : e->unit;
        char line[1024];
        JournalEntry entry = {};
        int r;

        (void) snprintf(line, sizeof(line), "%s%s%s", strempty(subject), isempty(subject) ? "" : ": ", text);
        if (!log_reaches_journal(level)) {
                (void) log_full(level, 0, "%s", line);
                return;
        }
        add_text(&entry, "MESSAGE", line);
        add_field(&entry, "PRIORITY=%i", level);
        add_text(&entry, "MESSAGE_ID", e->id);
        add_text(&entry, "OBJECT_SYSTEMD_UNIT", e->unit);
        add_text(&entry, "UNIT", e->unit);
        add_text(&entry, "LEASE", e->lease);
        if (e->index > 0)
                add_field(&entry, "LEASE_INDEX=%" PRIu64, e->index);
        if (e->revision > 0)
                add_field(&entry, "LEASE_REVISION=%" PRIu64, e->revision);
        add_text(&entry, "MACHINE", e->machine);
        add_text(&entry, "LEASE_MACHINE_ID", e->machine_id);
        add_text(&entry, "REASON", e->reason);
        if (e->code > 0)
                add_field(&entry, "REASON_CODE=%u", e->code);
        if (e->to > 0) {
                add_field(&entry, "LEASE_FROM_USEC=%" PRIu64, e->from);
                add_field(&entry, "LEASE_TO_USEC=%" PRIu64, e->to);
        }
        add_text(&entry, "REQUESTED_BY", e->by);
        add_field(&entry, "SYSLOG_IDENTIFIER=%s", program_invocation_short_name);
        r = journal_flush() ? -EAGAIN : post(entry.text, entry.size);
        if (r == -EAGAIN) {
                size_t size = entry.size;

                add_field(&entry, JOURNAL_AT "=%" PRIu64, now_realtime());
                r = entry.size > size ? keep(&entry) : -ENOBUFS; /* one without its time would be taken for timely */
        }
        if (r < 0)
                (void) log_full(level, 0, "%s", line);
}
