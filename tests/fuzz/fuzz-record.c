/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record's value as anybody might have written it: the first byte is the kind, the second tells where a text that is
 * replaced begins. What can be read can be written, and is then read as the same.
 */
#include <errno.h>

#include "fuzz.h"
#include "registry/record-json.h"

static void encode_and_compare(RecordKind kind, const RecordValue *value, const void *previous, size_t size) {
        static RecordValue again;
        _cleanup_free_ char *text = NULL, *second = NULL;
        Record record = { .kind = kind, .name = "x", .mod_revision = 1, .value = value };
        const char *why = NULL;

        must(record_encode(&record, previous, size, &text) == 0);
        memset(&again, 0, sizeof(again));
        must(record_decode(kind, text, strlen(text), &again, &why) == 0);
        record.value = &again;
        must(record_encode(&record, previous, size, &second) == 0);
        must(streq(text, second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static RecordValue value;
        Input in = { data, size };
        RecordKind kind = input_byte(&in) % _RECORD_KIND_MAX;
        size_t previous = input_byte(&in);
        const char *why = NULL, *name;
        _cleanup_free_ char *key = NULL;
        RecordKind of_key;
        int r;

        memset(&value, 0, sizeof(value));
        r = record_decode(kind, in.data, in.size, &value, &why);
        must(r == 0 || (r == -EBADMSG && !isempty(why)));
        if (r == 0) {
                encode_and_compare(kind, &value, NULL, 0);
                encode_and_compare(kind, &value, in.data, in.size);
                encode_and_compare(kind, &value, in.data, MIN(previous, in.size));
        }
        key = input_text(&in, '\n', NULL);
        (void) record_parse_key(key, &of_key, &name);
        return 0;
}
