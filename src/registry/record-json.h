/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records as text: the key and the JSON value of a core Record, as docs/wire.md describes them. These functions do no
 * input or output.
 *
 * Members that this version does not know are kept when a record is rewritten, so that an older daemon does not lose
 * what a newer one wrote. Integers and the Index are JSON integers; times are in microseconds of CLOCK_REALTIME.
 */

#include "core/record.h"

enum {
        RECORD_VALUES_MAX = 1024,    /* of a text that is read: its members, and all that is within them. The largest
                                        record    that leased writes has a quarter */
        RECORD_KEPT_MAX = 16 * 1024, /* bytes: the unknown members of a longer text are lost when it is replaced. A Txn
                                        that puts fifty leases must not become larger than etcd takes */
};

/* Room for any decoded value. */
typedef union RecordValue {
        MetaRecord meta;
        MachineRecord machine;
        BeatRecord beat;
        FenceRecord fence;
        LeaseRecord lease;
        OfferRecord offer;
        RequestRecord request;
        PauseRecord pause;
} RecordValue;

/* Writes the key of a record into ret of size bytes: "leases/foo.service" for a lease's record; "meta" for
 * RECORD_META and RECORD_PAUSE, whose names are not used. Returns 0, or -EINVAL if the key does not fit. */
int record_key(RecordKind kind, const char *name, char *ret, size_t size);
/* Gives the beginning of all keys of that kind, a static text: "leases/", "beats/"; the whole key "meta" for
 * RECORD_META. */
const char *record_prefix(RecordKind kind);

/* Gives the kind and the name in a key; *ret_name points into key. false: the key is not one of leased's. */
bool record_parse_key(const char *key, RecordKind *ret_kind, const char **ret_name);

/* Gives the verb of a request that a word stands for, as in records and on D-Bus: "release", "stop". false: it is
 * none. */
bool record_parse_verb(const char *word, RequestVerb *ret);
/* Gives that word, which is also the name of leasectl's verb. */
const char *record_verb_word(RequestVerb verb);

/* Decodes a value of size bytes (text NULL: damaged) into the member of *ret for this kind. Returns 0, or -EBADMSG,
 * with *ret_why (may be NULL) a static text of what is wrong. Other JSON types, missing members, strings too long, and
 * more debts than DEBTS_MAX are wrong; unknown members are not. A text that is longer than REGISTRY_VALUE_MAX is wrong
 * and not looked at, one with more values than RECORD_VALUES_MAX is wrong and not parsed. */
int record_decode(RecordKind kind, const void *text, size_t size, RecordValue *ret, const char **ret_why);

/* As record_decode(). *ret_more: the text says more than *ret can hold, as the text of a newer version of leased may;
 * so the text must be kept as record_encode()'s previous for when the record is rewritten. False on failure. */
int record_decode_more(RecordKind kind, const void *text, size_t size, RecordValue *ret, const char **ret_why,
                bool *ret_more);

/* Encodes record->value. previous (previous_size bytes; NULL: none) is the text that is being replaced, whose unknown
 * members are kept, unless it is longer than RECORD_KEPT_MAX or the new text could not be decoded. *ret, a string, is
 * owned by the caller. Returns 0, -ENOMEM, or -ERANGE if a number is above INT64_MAX. */
int record_encode(const Record *record, const void *previous, size_t previous_size, char **ret);
