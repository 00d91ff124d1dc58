/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one guard hands on to another, as any bytes: all of it is taken or nothing, and what is taken is written again
 * as it was. An entry made of it has the deadlines that were handed on, none of them further away than GUARD_TTL_MAX,
 * and is handed on again as it was.
 */
#include "fuzz.h"
#include "guard/entries.h"
#include "guard/protocol.h"

static void on_head(const EntriesHead *head, void *userdata) {
        entries_write_head(userdata, head);
}

static void on_entry(const char *unit, const EntryKept *kept, bool fence, void *userdata) {
        GuardEntry e = {};

        must(guard_unit_is_valid(unit));
        (void) guard_entry_take_over(&e, 0, kept);
        must(e.index == kept->index);
        if (kept->limit_kill > 0) /* an entry whose time is over is killed by its limit at the latest */
                must(e.kill_at <= MAX(kept->kill_at, kept->limit_kill));
        else
                must(e.stop_at == MIN(kept->stop_at, GUARD_TTL_MAX) && e.kill_at == MIN(kept->kill_at, GUARD_TTL_MAX));
        if (!guard_entry_is_busy(&e)) {
                EntryKept again = guard_entry_keep(&e);

                must(guard_entry_kept_is_valid(&again));
                must(again.limit_stop == MIN(kept->limit_stop, GUARD_TTL_MAX));
                must(again.limit_kill == MIN(kept->limit_kill, GUARD_TTL_MAX));
                must(again.open == kept->open && again.expired == kept->expired && again.lost == kept->lost);
        }
        must(!guard_entry_is_live(&e) || e.stop_at > 0 || e.keeps);
        entries_write(userdata, unit, kept, fence);
}

static void on_part(const char *unit, const char *part, void *userdata) {
        must(guard_unit_is_valid(unit) && guard_member_is_valid(part));
        entries_write_part(userdata, part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const EntriesCallbacks callbacks = { on_head, on_entry, on_part };
        _cleanup_free_ char *text = NULL;
        size_t length = 0;
        FILE *f = open_memstream(&text, &length);
        int r;

        must(f);
        r = entries_decode((const char *) data, size, &callbacks, f);
        if (r >= 0)
                entries_write_end(f, (size_t) r);
        must(fclose(f) == 0);
        if (r < 0)
                must(length == 0);
        else
                must(length == size && memcmp(text, data, size) == 0);
        return 0;
}
