/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records as text: the key and the JSON value of a core Record, as docs/wire.md describes them. Pure: no I/O, no loop.
 *
 * Members that this version does not know are kept when a record is rewritten, so that an older daemon does not eat
 * what a newer one wrote. int64 and the Index are JSON integers; times are microseconds of CLOCK_REALTIME.
 */

#include "core/record.h"

/* Room for any decoded value. */
typedef union RecordValue {
        MetaRecord meta;
        MachineRecord machine;
        BeatRecord beat;
        FenceRecord fence;
        LeaseRecord lease;
        OfferRecord offer;
} RecordValue;

/* "leases/foo.service" for a lease's record; "meta" for the one without a name. Returns 0, or -EINVAL if it is too
 * long. */
int record_key(RecordKind kind, const char *name, char *ret, size_t size);
/* "leases/", "beats/"; "meta" for RECORD_META. */
const char *record_prefix(RecordKind kind);

/* The kind and name in a key (*ret_name points into it). false: it is not one of ours. */
bool record_parse_key(const char *key, RecordKind *ret_kind, const char **ret_name);

/* Decodes a value. Returns 0, or -EBADMSG with *ret_why (may be NULL) a static text of what is wrong. Other JSON
 * types, missing members, strings too long, more debts than DEBTS_MAX are wrong; unknown members are not. */
int record_decode(RecordKind kind, const void *text, size_t size, RecordValue *ret, const char **ret_why);

/* Encodes record->value. previous (previous_size bytes) is the text that is being replaced, whose unknown members are
 * kept; NULL: none. *ret is owned by the caller. Returns 0, -ENOMEM, or -ERANGE if a number is above INT64_MAX. */
int record_encode(const Record *record, const void *previous, size_t previous_size, char **ret);
