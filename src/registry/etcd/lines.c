/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/lines.h"

#include <assert.h>
#include <errno.h>

/* Room for size bytes and a NUL. What has been read makes way only when it is at least half of all: so a byte is moved
 * a fixed number of times. */
static int make_room(Lines *l, size_t size) {
        size_t room;
        char *p;

        assert(l->begin <= l->searched && l->searched <= l->size && (l->size < l->room || l->room == 0));
        if (l->begin > 0 && l->begin >= l->size - l->begin) {
                l->size -= l->begin;
                l->searched -= l->begin;
                memmove(l->data, l->data + l->begin, l->size);
                l->begin = 0;
        }
        if (size >= SIZE_MAX / 4)
                return -ENOMEM;
        if (l->size + size + 1 <= l->room)
                return 0;
        room = MAX(l->size + size + 1, l->room * 2);
        p = realloc(l->data, room);
        if (!p)
                return -ENOMEM;
        l->data = p;
        l->room = room;
        return 0;
}

int lines_append(Lines *l, const char *data, size_t size) {
        int r = make_room(l, size);

        if (r < 0)
                return r;
        if (size > 0)
                memcpy(l->data + l->size, data, size);
        l->size += size;
        l->data[l->size] = '\0';
        return 0;
}

static const char *find_end(Lines *l) {
        const char *end = l->size > l->searched ? memchr(l->data + l->searched, '\n', l->size - l->searched) : NULL;

        l->searched = end ? (size_t) (end - l->data) : l->size;
        return end;
}

bool lines_ready(Lines *l) {
        return find_end(l);
}

char *lines_next(Lines *l, size_t *ret_size) {
        const char *end = find_end(l);
        char *line;
        size_t n;

        *ret_size = SIZE_MAX;
        if (!end)
                return NULL;
        n = (size_t) (end - l->data) - l->begin;
        line = malloc(n + 1);
        if (line) {
                memcpy(line, l->data + l->begin, n);
                line[n] = '\0';
        }
        l->begin += n + 1;
        l->searched = l->begin;
        *ret_size = n;
        return line;
}

const char *lines_rest(const Lines *l, size_t *ret_size) {
        *ret_size = l->size - l->begin;
        return l->data ? l->data + l->begin : "";
}

void lines_done(Lines *l) {
        free(l->data);
        *l = (Lines){};
}
