/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every name and short text that is taken apart by hand: of units, leases, sessions, files of the old local registry,
 * time spans, metadata, base64. What is read and written again is what it was.
 */
#include "conf/conf.h"
#include "conf/metadata.h"
#include "conf/unit-name.h"
#include "core/record.h"
#include "core/timeline.h"
#include "fuzz.h"
#include "guard/protocol.h"
#include "registry/etcd/base64.h"
#include "registry/local/old-name.h"

static void check_unit_name(const char *text) {
        _cleanup_free_ char *again = NULL;
        UnitName name;

        (void) guard_member_is_valid(text);
        if (!unit_name_is_valid(text))
                return;
        must(strlen(text) < sizeof(((GuardMessage *) NULL)->unit));
        must(!strchr(text, '/') && text[0] != '.');
        must(guard_member_is_valid(text));
        must(unit_name_split(text, &name) == 0);
        again = unit_name_build(name.prefix, name.instance, name.suffix);
        must(again && streq(again, text));
        unit_name_done(&name);
}

static void check_local_name(const char *text) {
        _cleanup_free_ char *escaped = local_escape(text), *key = NULL, *of_file = NULL;
        char name[LOCAL_NAME_SIZE];
        int r;

        must(escaped);
        local_name(escaped, name);
        must(name[0] != '.' && !strchr(name, '/'));
        r = local_unescape(name, &key);
        must(r == 0 || (r == 1 && streq(key, text)));
        must(r == 1 || strlen(escaped) > 220 || !*text); /* a longer one is cut */
        /* And as the name of a file that somebody else has put there. */
        r = local_unescape(text, &of_file);
        must(r == 0 || r == 1);
        (void) local_name_is_cut(text);
}

static void check_spans(const char *text) {
        char ours[SESSION_SIZE], span[64];
        usec_t t = session_ttl(text);

        must(t == 0 || (t >= TTL_MIN && t <= TTL_MAX));
        must(debt_ttl(text) > 0);
        if (t > 0) {
                session_format(0, t, ours);
                must(session_ttl(ours) == t);
        }
        if (parse_sec(text, &t) == 0)
                (void) format_span(span, sizeof(span), t);
        (void) lease_name_is_valid(text);
        (void) machine_id_is_valid(text);
}

static void check_metadata(const char *text) {
        char key[METADATA_SIZE], values[METADATA_SIZE], list[METADATA_SIZE] = "";
        size_t cursor = 0;

        if (strlen(text) >= METADATA_SIZE)
                return;
        while (metadata_next(text, &cursor, key, values)) {
                must(*key && cursor <= strlen(text) + 1);
                must(strlen(values) < METADATA_SIZE);
        }
        if (metadata_key_length(text) > 0)
                must(metadata_append(list, sizeof(list), text) == 0 && streq(list, text));
}

static void check_base64(const uint8_t *data, size_t size) {
        _cleanup_free_ char *encoded = malloc(base64_size(size) + 1), *decoded = NULL, *other = NULL;
        size_t n, m;

        must(encoded);
        n = base64_encode(data, size, encoded);
        must(n == base64_size(size));
        must(base64_decode(encoded, n, &decoded, &m) == 0 && m == size && memcmp(decoded, data, size) == 0);
        if (base64_decode((const char *) data, size, &other, &m) == 0)
                must(m <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Input in = { data, size };
        _cleanup_free_ char *text = NULL;

        check_base64(data, size);
        text = input_text(&in, 0, NULL);
        check_unit_name(text);
        check_local_name(text);
        check_spans(text);
        check_metadata(text);
        return 0;
}
