/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/why.h"
#include "ctl/ctl.h"

/*
 * The record of a submitted unit (docs/wire.md). It holds a text and the signature of just this text; what the text
 * says is read only after its signature was verified. docs/submit.md says what the rules are for.
 */

enum {
        RECORD_TEXT_MAX = 256 * 1024,   /* bytes of a whole record */
        RECORD_CONTENT_MAX = 48 * 1024, /* bytes of all files together: as a record they stay below that */
        RECORD_FILES_MAX = 32,
        RECORD_COMPANIONS_MAX = 8,
        RECORD_SIGNER_SIZE = 128,
        RECORD_HASH_SIZE = 65, /* SHA-256 in hex digits, with the NUL */
};

typedef struct UnitRecord {
        json_t *json;                 /* what all other members are borrowed from */
        const char *text, *signature; /* as they stand in the record; "" where there is none */
        char hash[RECORD_HASH_SIZE];  /* of .text; it tells contents apart, the signature guards them */
        json_t *signed_json;          /* the text as JSON */
        const char *cluster, *unit;
        int64_t version; /* of the record: when it was signed, in milliseconds since 1970 */
        int64_t runs_as; /* Version= that the unit gets; at most .version */
        bool gone;       /* the unit was destroyed: there are no files */
        json_t *files;   /* [{"name": ..., "content": ...}], the unit file first */
} UnitRecord;

/* Reads the record's text: only .text, .hash and .signature are filled in. A record whose own hash is another is
 * damaged, one without a hash, as earlier versions wrote it, is not: what is signed is told by the signature alone.
 * The caller frees it with unit_record_done(), also on failure. Returns WHY_NONE or WHY_FILE_DAMAGED. */
Why unit_record_open(const char *text, UnitRecord *ret);
/* Reads what was signed, and fills in the rest. Returns WHY_NONE, WHY_FILE_DAMAGED, or WHY_FILE_BAD_NAME: the name or
 * a file is none that can be submitted. */
Why unit_record_read(UnitRecord *r);
void unit_record_done(UnitRecord *r);

/* Gives the text that is to be signed. files (stolen): as in UnitRecord; NULL: the unit is destroyed. Owned by the
 * caller; NULL: out of memory. */
char *unit_record_text(const char *cluster, const char *unit, int64_t version, int64_t runs_as, json_t *files);
/* Gives the record for such a text and its signature. Owned by the caller; NULL: out of memory. */
char *unit_record_format(const char *text, const char *signature);

/* Whether a unit of this name can be submitted: of a kind that leased leases, not a template, none of leased or of
 * systemd, no prefix of others ("web-.service"), no mount on which the machine depends. */
bool unit_record_name_is_valid(const char *unit);

/* Companions are the units that a timer, socket, path, automount or target starts: their files come in its record, and
 * they go by its lease. Gives their names; *ret is freed by strv_free(), and NULL if there are none. 0, or -ENOMEM. */
int unit_record_companions(const UnitRecord *r, char ***ret);
/* Whether a unit of this name may have companions; whether PID 1 says itself what it starts (Triggers=). */
bool unit_record_has_companions(const char *unit);
bool unit_record_triggers(const char *unit);
/* Gives what follows the prefix; NULL: s does not begin with it. */
static inline const char *record_after(const char *s, const char *prefix) {
        return startswith(s, prefix) ? s + strlen(prefix) : NULL;
}

/* Whether the file of this name is the unit's own, or a drop-in of it. */
bool unit_record_file_is_of(const char *file, const char *unit);
/* A drop-in of leased's own, by which PID 1 starts a unit no more while its files come or go; none that is submitted
 * has this name. */
#define RECORD_LEAVING_DROPIN "zzzz-leaving.conf"
/* The second line of a companion's file on a machine, before the name of the unit that it goes with. No file that is
 * submitted begins with it. */
#define RECORD_COMPANION_MARK "# It goes with "
