/* SPDX-License-Identifier: Apache-2.0 */
#include "address/life.h"

#include <errno.h>
#include <stdio.h>

#include "guard/gate.h"
#include "util/file-util.h"

#define FILE_SIZE_MAX 4096u
#define SECONDS_MAX 3600u /* far above every TTL */

static int read_in(const char *directory, const char *folder, const char *name, char **ret, size_t *ret_size) {
        char path[600];
        int n = snprintf(path, sizeof(path), "%s%s/%s", directory, folder, name);

        return n < 0 || (size_t) n >= sizeof(path) ? -ENAMETOOLONG : read_file(path, FILE_SIZE_MAX, ret, ret_size);
}

/* The beat is read before the mark. A lost lease is never covered by a later beat (law 4): the guard first writes that
 * the lease is lost, and then beats on for others. So a beat that was there before a mark that is live counts for it;
 * in the other order, the mark could have been read before the loss and the beat after it. */
int life_read(const char *directory, const char *unit, uint64_t index, Life *ret) {
        _cleanup_free_ char *beat = NULL, *text = NULL;
        size_t beat_size = 0, size;
        usec_t t0 = 0;
        Mark mark;
        int r;

        if (read_in(directory, "", "guard.beat", &beat, &beat_size) < 0 || !beat_decode(beat, beat_size, &t0))
                t0 = 0; /* no beat yet: the mark alone counts */
        r = read_in(directory, "/guard", unit, &text, &size);
        if (r < 0)
                return r;
        if (!mark_decode(text, size, &mark))
                return -EBADMSG;
        if (mark.index != index)
                return -ESTALE;
        *ret = (Life){ .kill_at = mark.kill_at, .kill_offset = mark.kill_offset };
        if (!mark.ended && t0 > 0)
                ret->kill_at = MAX(ret->kill_at, usec_add(t0, mark.kill_offset));
        return 0;
}

unsigned life_seconds(usec_t kill_at, usec_t now, usec_t *ret_latest) {
        usec_t until = usec_sub(kill_at, LIFE_LATE), left = usec_sub(usec_sub(until, now), LIFE_SEND);
        unsigned seconds = (unsigned) MIN(left / USEC_PER_SEC, (usec_t) SECONDS_MAX);

        if (seconds > 0)
                *ret_latest = until - seconds * USEC_PER_SEC;
        return seconds;
}

bool life_suffices(usec_t kill_offset) {
        usec_t latest;

        return life_seconds(kill_offset, 0, &latest) > 0;
}
