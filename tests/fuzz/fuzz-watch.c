/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd's watch as it comes from the connection: the bytes of a stream in pieces of any size, read by lines in between.
 * The lines are those of the whole, each once; and each is decoded or refused.
 */
#include "fuzz.h"
#include "registry/etcd/decode.h"
#include "registry/etcd/lines.h"

typedef struct Stream {
        Lines lines;
        const char *text, *at, *end; /* all of it, what is to be read next, and what has been sent so far */
} Stream;

static void read_line(Stream *s) {
        _cleanup_free_ char *line = NULL;
        const char *expected = s->end > s->at ? memchr(s->at, '\n', (size_t) (s->end - s->at)) : NULL;
        EtcdWatchLine decoded;
        size_t n;

        must(lines_ready(&s->lines) == !!expected);
        line = lines_next(&s->lines, &n);
        must(!!line == !!expected);
        if (!line)
                return;
        must(n == (size_t) (expected - s->at) && memcmp(line, s->at, n) == 0 && line[n] == '\0');
        s->at = expected + 1;
        if (etcd_decode_watch(line, n, &decoded) == 0)
                etcd_decode_done(&decoded.changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Input in = { data, size };
        uint64_t chance = input_number(&in, 4);
        Stream s = { .text = (const char *) in.data, .at = (const char *) in.data, .end = (const char *) in.data };
        const char *rest;
        size_t n;

        while (in.size > 0) {
                size_t piece = 1 + (size_t) (chance % 61) * (chance % 7 == 0 ? 97 : 1);

                piece = MIN(piece, in.size);
                must(lines_append(&s.lines, s.end, piece) == 0);
                s.end += piece;
                in.size -= piece;
                for (uint64_t i = chance >> 8 & 3; i > 0; i--)
                        read_line(&s);
                chance = chance * 6364136223846793005u + 1442695040888963407u;
                chance ^= chance >> 29;
        }
        while (lines_ready(&s.lines))
                read_line(&s);
        rest = lines_rest(&s.lines, &n);
        must(n == (size_t) (s.end - s.at) && (n == 0 || memcmp(rest, s.at, n) == 0) && rest[n] == '\0');
        lines_done(&s.lines);
        return 0;
}
