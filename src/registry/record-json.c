/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of members for each kind of record serves decoding and encoding, so both agree. Anybody may have written
 * what is read from a registry: a record that does not fit its table is damaged (law 11). Lists that serve people or
 * may be cut (tenures, a fence's names) are cut to the newest elements. A list of debts must not be cut (law 5), so a
 * record with too long a list of debts is damaged.
 */
#include "registry/record-json.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

#include <jansson.h>

#include "registry/registry.h"
#include "registry/values.h"
#include "util/must.h"

typedef enum MemberType {
        MEMBER_STRING,   /* char[size] */
        MEMBER_UNSIGNED, /* uint64_t; in JSON at most INT64_MAX */
        MEMBER_INDEX,    /* uint64_t, at most INDEX_MAX */
        MEMBER_UINT32,
        MEMBER_INTEGER, /* int64_t */
        MEMBER_BOOL,
        MEMBER_STATE, /* LeaseState, as a word */
        MEMBER_VERB,  /* RequestVerb, likewise */
        MEMBER_STAGE, /* RequestStage, likewise */
        MEMBER_PAUSE, /* PauseStage, likewise */
        MEMBER_CODE,  /* Why; anything that is no known number is read as WHY_NONE: a sentence stands beside it */
        MEMBER_DEBTS,
        MEMBER_TENURES,
        MEMBER_NAMES,
} MemberType;

typedef struct Member {
        const char *name;
        MemberType type;
        size_t offset, size;
        bool optional; /* newer than the format: if it is absent it is 0 or "", and these are not written */
} Member;

#define MEMBER(type, t, member)                                                                                       \
        { #member, t, offsetof(type, member), sizeof(((type *) NULL)->member), false }
#define OPTIONAL(type, t, member)                                                                                     \
        { #member, t, offsetof(type, member), sizeof(((type *) NULL)->member), true }

static const Member meta_members[] = {
        MEMBER(MetaRecord, MEMBER_STRING, uuid),
        MEMBER(MetaRecord, MEMBER_INDEX, index_floor),
        MEMBER(MetaRecord, MEMBER_UINT32, format),
};

static const Member machine_members[] = {
        MEMBER(MachineRecord, MEMBER_STRING, hostname),
        MEMBER(MachineRecord, MEMBER_STRING, boot_id),
        MEMBER(MachineRecord, MEMBER_STRING, session),
        MEMBER(MachineRecord, MEMBER_STRING, metadata),
        MEMBER(MachineRecord, MEMBER_STRING, version),
        MEMBER(MachineRecord, MEMBER_BOOL, draining),
        OPTIONAL(MachineRecord, MEMBER_STRING, drained_by),
        OPTIONAL(MachineRecord, MEMBER_STRING, drained_boot),
        OPTIONAL(MachineRecord, MEMBER_UNSIGNED, up_since),
        OPTIONAL(MachineRecord, MEMBER_STRING, up_session),
        OPTIONAL(MachineRecord, MEMBER_UNSIGNED, beats_every),
};

static const Member beat_members[] = {
        MEMBER(BeatRecord, MEMBER_STRING, machine_id),
        MEMBER(BeatRecord, MEMBER_STRING, nonce),
};

static const Member fence_members[] = {
        MEMBER(FenceRecord, MEMBER_UNSIGNED, counter),
        MEMBER(FenceRecord, MEMBER_NAMES, names),
        OPTIONAL(FenceRecord, MEMBER_BOOL, over),
        OPTIONAL(FenceRecord, MEMBER_STRING, over_by),
        OPTIONAL(FenceRecord, MEMBER_UNSIGNED, silence),
        OPTIONAL(FenceRecord, MEMBER_BOOL, keeps),
        OPTIONAL(FenceRecord, MEMBER_STRING, keeper),
};

static const Member lease_members[] = {
        MEMBER(LeaseRecord, MEMBER_STATE, state),
        MEMBER(LeaseRecord, MEMBER_STRING, machine_id),
        MEMBER(LeaseRecord, MEMBER_STRING, session),
        MEMBER(LeaseRecord, MEMBER_INTEGER, version),
        MEMBER(LeaseRecord, MEMBER_INDEX, index),
        MEMBER(LeaseRecord, MEMBER_UNSIGNED, since),
        MEMBER(LeaseRecord, MEMBER_UNSIGNED, period),
        MEMBER(LeaseRecord, MEMBER_DEBTS, debts),
        MEMBER(LeaseRecord, MEMBER_TENURES, tenures),
        OPTIONAL(LeaseRecord, MEMBER_UNSIGNED, last_trigger),
        OPTIONAL(LeaseRecord, MEMBER_INTEGER, upgraded),
        OPTIONAL(LeaseRecord, MEMBER_UNSIGNED, renewed),
        OPTIONAL(LeaseRecord, MEMBER_UNSIGNED, kept_for),
};

static const Member offer_members[] = {
        MEMBER(OfferRecord, MEMBER_STRING, lease),
        MEMBER(OfferRecord, MEMBER_INTEGER, version),
        MEMBER(OfferRecord, MEMBER_STRING, conflicts),
        MEMBER(OfferRecord, MEMBER_STRING, replaces),
        MEMBER(OfferRecord, MEMBER_STRING, why),
        OPTIONAL(OfferRecord, MEMBER_CODE, code),
        OPTIONAL(OfferRecord, MEMBER_STRING, about),
        OPTIONAL(OfferRecord, MEMBER_UNSIGNED, until),
        OPTIONAL(OfferRecord, MEMBER_UINT32, copies),
        OPTIONAL(OfferRecord, MEMBER_STRING, active),
        OPTIONAL(OfferRecord, MEMBER_STRING, result),
        OPTIONAL(OfferRecord, MEMBER_UNSIGNED, since),
};

static const Member debt_members[] = {
        MEMBER(Debt, MEMBER_STRING, session),
        MEMBER(Debt, MEMBER_INDEX, index),
};

static const Member tenure_members[] = {
        MEMBER(Tenure, MEMBER_STRING, machine_id),
        MEMBER(Tenure, MEMBER_UNSIGNED, index),
        MEMBER(Tenure, MEMBER_UNSIGNED, from),
        MEMBER(Tenure, MEMBER_UNSIGNED, to),
        MEMBER(Tenure, MEMBER_STRING, why),
        OPTIONAL(Tenure, MEMBER_CODE, code),
        OPTIONAL(Tenure, MEMBER_STRING, by),
};

static const Member request_members[] = {
        MEMBER(RequestRecord, MEMBER_VERB, verb),
        MEMBER(RequestRecord, MEMBER_STRING, unit),
        MEMBER(RequestRecord, MEMBER_STRING, machine_id),
        MEMBER(RequestRecord, MEMBER_INDEX, index),
        MEMBER(RequestRecord, MEMBER_UNSIGNED, within),
        MEMBER(RequestRecord, MEMBER_STRING, by),
        MEMBER(RequestRecord, MEMBER_STAGE, stage),
        OPTIONAL(RequestRecord, MEMBER_CODE, code),
        OPTIONAL(RequestRecord, MEMBER_STRING, about),
};

static const Member pause_members[] = {
        MEMBER(PauseRecord, MEMBER_PAUSE, stage),
        MEMBER(PauseRecord, MEMBER_UNSIGNED, since),
        MEMBER(PauseRecord, MEMBER_STRING, by),
        OPTIONAL(PauseRecord, MEMBER_BOOL, fell_back),
};

static const struct {
        const char *prefix;
        const Member *members;
        size_t n_members, size;
} kinds[_RECORD_KIND_MAX] = {
        [RECORD_META] = { "meta", meta_members, ELEMENTSOF(meta_members), sizeof(MetaRecord) },
        [RECORD_MACHINE] = { "machines/", machine_members, ELEMENTSOF(machine_members), sizeof(MachineRecord) },
        [RECORD_BEAT] = { "beats/", beat_members, ELEMENTSOF(beat_members), sizeof(BeatRecord) },
        [RECORD_FENCE] = { "fences/", fence_members, ELEMENTSOF(fence_members), sizeof(FenceRecord) },
        [RECORD_LEASE] = { "leases/", lease_members, ELEMENTSOF(lease_members), sizeof(LeaseRecord) },
        [RECORD_OFFER] = { "offers/", offer_members, ELEMENTSOF(offer_members), sizeof(OfferRecord) },
        [RECORD_REQUEST] = { "requests/", request_members, ELEMENTSOF(request_members), sizeof(RequestRecord) },
        [RECORD_PAUSE] = { "pause", pause_members, ELEMENTSOF(pause_members), sizeof(PauseRecord) },
};

static const char *const state_words[_LEASE_STATE_MAX] = {
        [LEASE_FREE] = "free",
        [LEASE_HELD] = "held",
        [LEASE_DONE] = "done",
};

static const char *const verb_words[_REQUEST_VERB_MAX] = {
        [REQUEST_RELEASE] = "release",
        [REQUEST_TRANSFER] = "transfer",
        [REQUEST_REARM] = "rearm",
        [REQUEST_STOP] = "stop",
        [REQUEST_START] = "start",
        [REQUEST_RESTART] = "restart",
};

static const char *const stage_words[_REQUEST_STAGE_MAX] = {
        [REQUEST_ASKED] = "asked",
        [REQUEST_TAKEN] = "taken",
        [REQUEST_BEGUN] = "begun",
        [REQUEST_REFUSED] = "refused",
};

static const char *const pause_words[_PAUSE_STAGE_MAX] = {
        [PAUSE_ON] = "on",
        [PAUSE_ENDING] = "ending",
};

bool record_parse_verb(const char *word, RequestVerb *ret) {
        for (RequestVerb v = 0; v < _REQUEST_VERB_MAX; v++)
                if (streq(verb_words[v], word)) {
                        *ret = v;
                        return true;
                }
        return false;
}

const char *record_verb_word(RequestVerb verb) {
        must((unsigned) verb < _REQUEST_VERB_MAX);
        return verb_words[verb];
}

/* The words of a member that is one of them. Every such enum is as large as an unsigned. */
static const char *const *words_of(MemberType type, unsigned *ret_n) {
        *ret_n = type == MEMBER_STATE   ? ELEMENTSOF(state_words)
                 : type == MEMBER_VERB  ? ELEMENTSOF(verb_words)
                 : type == MEMBER_PAUSE ? ELEMENTSOF(pause_words)
                                        : ELEMENTSOF(stage_words);
        return type == MEMBER_STATE   ? state_words
               : type == MEMBER_VERB  ? verb_words
               : type == MEMBER_PAUSE ? pause_words
                                      : stage_words;
}
_Static_assert(sizeof(LeaseState) == sizeof(unsigned) && sizeof(RequestVerb) == sizeof(unsigned) &&
                                sizeof(RequestStage) == sizeof(unsigned) && sizeof(PauseStage) == sizeof(unsigned),
                "words_of() serves them all");

/* ---- keys ---- */

const char *record_prefix(RecordKind kind) {
        return kinds[kind].prefix;
}

/* There is one record of this kind, without a name. */
static bool is_single(RecordKind kind) {
        return kind == RECORD_META || kind == RECORD_PAUSE;
}

int record_key(RecordKind kind, const char *name, char *ret, size_t size) {
        size_t n = strlen(kinds[kind].prefix), m = is_single(kind) ? 0 : strlen(name);

        if (n + m >= size)
                return -EINVAL;
        memcpy(ret, kinds[kind].prefix, n);
        memcpy(ret + n, name, m);
        ret[n + m] = '\0';
        return 0;
}

bool record_parse_key(const char *key, RecordKind *ret_kind, const char **ret_name) {
        for (RecordKind kind = 0; kind < _RECORD_KIND_MAX; kind++) {
                const char *name;
                size_t size;

                if (!startswith(key, kinds[kind].prefix))
                        continue;
                name = key + strlen(kinds[kind].prefix);
                size = kind == RECORD_OFFER || kind == RECORD_REQUEST ? RECORD_NAME_SIZE : NAME_SIZE;
                /* "meta" and "pause" have no name, all others have one that fits. */
                if (is_single(kind) ? name[0] : !name[0] || strnlen(name, size) >= size)
                        return false;
                *ret_kind = kind;
                *ret_name = name;
                return true;
        }
        return false;
}

/* ---- decoding ---- */

static const char *decode_members(json_t *object, const Member *members, size_t n, void *to);

static const char *decode_debts(json_t *array, LeaseRecord *lease) {
        const char *why = NULL;

        if (json_array_size(array) > DEBTS_MAX)
                return "too many debts";
        lease->n_debts = json_array_size(array);
        for (size_t i = 0; !why && i < lease->n_debts; i++)
                why = decode_members(
                                json_array_get(array, i), debt_members, ELEMENTSOF(debt_members), lease->debts + i);
        return why;
}

static const char *decode_tenures(json_t *array, LeaseRecord *lease) {
        size_t size = json_array_size(array), first = size > TENURES_MAX ? size - TENURES_MAX : 0;
        const char *why = NULL;

        lease->n_tenures = size - first;
        for (size_t i = 0; !why && i < lease->n_tenures; i++)
                why = decode_members(json_array_get(array, first + i), tenure_members, ELEMENTSOF(tenure_members),
                                lease->tenures + i);
        return why;
}

static const char *decode_string(json_t *value, char *to, size_t size) {
        if (!json_is_string(value))
                return "not a string where one is due";
        if (json_string_length(value) >= size)
                return "a string is too long";
        memcpy(to, json_string_value(value), json_string_length(value) + 1);
        return NULL;
}

static const char *decode_names(json_t *array, FenceRecord *fence) {
        size_t size = json_array_size(array), first = size > FENCE_NAMES_MAX ? size - FENCE_NAMES_MAX : 0;
        const char *why = NULL;

        fence->n_names = size - first;
        for (size_t i = 0; !why && i < fence->n_names; i++)
                why = decode_string(json_array_get(array, first + i), fence->names[i], sizeof(fence->names[i]));
        return why;
}

static const char *decode_word(json_t *value, MemberType type, void *to) {
        unsigned n;
        const char *const *words = words_of(type, &n);

        for (unsigned i = 0; i < n; i++)
                if (json_is_string(value) && streq(json_string_value(value), words[i])) {
                        memcpy(to, &i, sizeof(i));
                        return NULL;
                }
        return type == MEMBER_STATE ? "not a state of a lease" : "a word is not known here";
}

static const char *decode_integer(json_t *value, MemberType type, void *to) {
        json_int_t n = json_integer_value(value);

        if (!json_is_integer(value))
                return "not an integer where one is due";
        if (type == MEMBER_INTEGER) {
                *(int64_t *) to = n;
                return NULL;
        }
        if (type == MEMBER_INDEX && (n < 0 || (uint64_t) n > INDEX_MAX))
                return "an Index is beyond all that leased hands out, 9007199254740991";
        if (n < 0 || (type == MEMBER_UINT32 && n > UINT32_MAX))
                return "a number is out of range";
        if (type == MEMBER_UINT32)
                *(uint32_t *) to = (uint32_t) n;
        else
                *(uint64_t *) to = (uint64_t) n;
        return NULL;
}

static Why decode_code(json_t *value) {
        json_int_t n = json_integer_value(value);

        return n > 0 && n <= UINT16_MAX ? (Why) n : WHY_NONE;
}

/* How large a member of that type is in its struct. */
__attribute__((unused)) static size_t size_of(const Member *m) { /* by asserts */
        switch (m->type) {
        case MEMBER_UNSIGNED:
        case MEMBER_INDEX:
        case MEMBER_INTEGER:
                return sizeof(uint64_t);
        case MEMBER_UINT32:
                return sizeof(uint32_t);
        case MEMBER_BOOL:
                return sizeof(bool);
        case MEMBER_STATE:
                return sizeof(LeaseState);
        case MEMBER_VERB:
                return sizeof(RequestVerb);
        case MEMBER_STAGE:
                return sizeof(RequestStage);
        case MEMBER_PAUSE:
                return sizeof(PauseStage);
        case MEMBER_CODE:
                return sizeof(Why);
        case MEMBER_DEBTS:
                return DEBTS_MAX * sizeof(Debt);
        case MEMBER_TENURES:
                return TENURES_MAX * sizeof(Tenure);
        case MEMBER_NAMES:
                return FENCE_NAMES_MAX * NAME_SIZE;
        case MEMBER_STRING:
                break;
        }
        return m->size;
}

/* record is where the member's struct begins, for lists, whose length lies beside them. */
static const char *decode_member(json_t *value, const Member *m, void *record) {
        void *to = (char *) record + m->offset;

        assert(m->size == size_of(m));
        switch (m->type) {
        case MEMBER_STRING:
                return decode_string(value, to, m->size);
        case MEMBER_UNSIGNED:
        case MEMBER_INDEX:
        case MEMBER_UINT32:
        case MEMBER_INTEGER:
                return decode_integer(value, m->type, to);
        case MEMBER_BOOL:
                *(bool *) to = json_is_true(value);
                return json_is_boolean(value) ? NULL : "not a boolean where one is due";
        case MEMBER_STATE:
        case MEMBER_VERB:
        case MEMBER_STAGE:
        case MEMBER_PAUSE:
                return decode_word(value, m->type, to);
        case MEMBER_CODE:
                *(Why *) to = decode_code(value);
                return NULL;
        case MEMBER_DEBTS:
                return json_is_array(value) ? decode_debts(value, record) : "debts are not a list";
        case MEMBER_TENURES:
                return json_is_array(value) ? decode_tenures(value, record) : "tenures are not a list";
        case MEMBER_NAMES:
                return json_is_array(value) ? decode_names(value, record) : "names are not a list";
        }
        return "not a member of ours";
}

static const char *decode_members(json_t *object, const Member *members, size_t n, void *to) {
        const char *why = json_is_object(object) ? NULL : "not an object where one is due";

        for (size_t i = 0; !why && i < n; i++) {
                json_t *value = json_object_get(object, members[i].name);

                if (value)
                        why = decode_member(value, members + i, to);
                else if (!members[i].optional)
                        why = "a member is missing";
        }
        return why;
}

/* Drops a code that does not belong to its sentence: leased 0.1.0 writes only the sentence, and keeps a code that a
 * newer version wrote for another sentence. */
static void check_code(OfferRecord *offer) {
        char text[WHY_TEXT_SIZE], cut[WHY_SIZE];

        str_copy(cut, sizeof(cut), why_text(reason_there(reason_of(offer->code, offer->about)), text));
        if (offer->code != WHY_NONE && streq(cut, offer->why))
                return;
        offer->code = WHY_NONE;
        memset(offer->about, 0, sizeof(offer->about));
}

static bool has_more(json_t *object, const Member *members, size_t n);

static bool elements_have_more(json_t *array, const Member *members, size_t n) {
        for (size_t i = 0; i < json_array_size(array); i++)
                if (has_more(json_array_get(array, i), members, n))
                        return true;
        return false;
}

/* Whether the text of a member says more than the member could take up when it was decoded. */
static bool member_has_more(json_t *value, const Member *m) {
        if (m->type == MEMBER_DEBTS)
                return elements_have_more(value, debt_members, ELEMENTSOF(debt_members));
        if (m->type == MEMBER_TENURES)
                return elements_have_more(value, tenure_members, ELEMENTSOF(tenure_members));
        return m->type == MEMBER_CODE && decode_code(value) == WHY_NONE;
}

static bool has_more(json_t *object, const Member *members, size_t n) {
        size_t known = 0;

        for (size_t i = 0; i < n; i++) {
                json_t *value = json_object_get(object, members[i].name);

                if (value && member_has_more(value, members + i))
                        return true;
                known += !!value;
        }
        return json_object_size(object) > known;
}

/* Whether jansson can parse the text in less than 10 ms. Every record that leased writes is far below both bounds. */
static bool is_bounded(const char *text, size_t size) {
        return size <= REGISTRY_VALUE_MAX && (!text || values_are_few(text, size, RECORD_VALUES_MAX));
}

int record_decode_more(RecordKind kind, const void *text, size_t size, RecordValue *ret, const char **ret_why,
                bool *ret_more) {
        bool fits = is_bounded(text, size);
        json_t *object = fits && text ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        const char *why = object ? NULL : fits ? "not JSON" : "it is too long, or has too many values";
        RecordValue value;

        assert((unsigned) kind < _RECORD_KIND_MAX);
        memset(&value, 0, sizeof(value));
        if (!why)
                why = decode_members(object, kinds[kind].members, kinds[kind].n_members, &value);
        if (!why && kind == RECORD_OFFER)
                check_code(&value.offer);
        *ret_more = !why && has_more(object, kinds[kind].members, kinds[kind].n_members);
        json_decref(object);
        if (why) {
                if (ret_why)
                        *ret_why = why;
                return -EBADMSG;
        }
        memcpy(ret, &value, kinds[kind].size);
        return 0;
}

int record_decode(RecordKind kind, const void *text, size_t size, RecordValue *ret, const char **ret_why) {
        return record_decode_more(kind, text, size, ret, ret_why, &(bool){ false });
}

/* ---- encoding ---- */

static int encode_members(json_t *object, const Member *members, size_t n, const void *from);

static json_t *encode_word(MemberType type, unsigned word) {
        unsigned n;
        const char *const *words = words_of(type, &n);

        assert(word < n);
        return json_string(words[word]);
}

/* Text that was cut within a character, or never was UTF-8, is still written, with '?' for each wrong byte. */
static json_t *encode_string(const char *s) {
        json_t *value = json_string(s);
        char *copy;

        if (value)
                return value;
        copy = strdup(s);
        for (char *p = copy; p && *p; p++)
                if (*p & 0x80)
                        *p = '?';
        value = copy ? json_string(copy) : NULL;
        free(copy);
        return value;
}

/* Gives the element of the previous list of which the new element is a rewriting: the one with the same first n
 * members. */
static json_t *find_previous(json_t *array, json_t *element, const Member *members, size_t n) {
        for (size_t i = 0; i < json_array_size(array); i++) {
                json_t *old = json_array_get(array, i);
                size_t same = 0;

                while (same < n && json_is_object(old) &&
                                json_equal(json_object_get(old, members[same].name),
                                                json_object_get(element, members[same].name)))
                        same++;
                if (same == n)
                        return old;
        }
        return NULL;
}

static int append_element(json_t *array, json_t *previous, const Member *members, size_t n, size_t n_identity,
                const void *from) {
        json_t *element = json_object(), *old;
        int r = element ? encode_members(element, members, n, from) : -ENOMEM;

        old = r == 0 ? find_previous(previous, element, members, n_identity) : NULL;
        if (old && json_object_update_missing(element, old) < 0)
                r = -ENOMEM;
        if (r == 0)
                return json_array_append_new(array, element) < 0 ? -ENOMEM : 0;
        json_decref(element);
        return r;
}

static int encode_list(json_t *array, json_t *previous, const Member *m, const void *record) {
        const LeaseRecord *lease = record;
        const FenceRecord *fence = record;
        int r = 0;

        assert(m->type != MEMBER_DEBTS || lease->n_debts <= DEBTS_MAX);
        assert(m->type != MEMBER_TENURES || lease->n_tenures <= TENURES_MAX);
        assert(m->type != MEMBER_NAMES || fence->n_names <= FENCE_NAMES_MAX);
        if (m->type == MEMBER_DEBTS)
                for (size_t i = 0; r == 0 && i < lease->n_debts; i++)
                        r = append_element(
                                        array, previous, debt_members, ELEMENTSOF(debt_members), 2, lease->debts + i);
        else if (m->type == MEMBER_TENURES)
                for (size_t i = 0; r == 0 && i < lease->n_tenures; i++)
                        r = append_element(array, previous, tenure_members, ELEMENTSOF(tenure_members), 3,
                                        lease->tenures + i);
        else
                for (size_t i = 0; r == 0 && i < fence->n_names; i++)
                        r = json_array_append_new(array, encode_string(fence->names[i])) < 0 ? -ENOMEM : 0;
        return r;
}

static json_t *encode_unsigned(uint64_t n, int *r) {
        if (n > INT64_MAX) {
                *r = -ERANGE; /* read back, the number would be negative */
                return NULL;
        }
        return json_integer((json_int_t) n);
}

/* Whether an optional member need not be written. */
static bool is_zero(const Member *m, const void *value) {
        if (m->type == MEMBER_STRING)
                return *(const char *) value == '\0';
        if (m->type == MEMBER_BOOL)
                return !*(const bool *) value;
        if (m->type == MEMBER_UINT32)
                return *(const uint32_t *) value == 0;
        assert(m->type == MEMBER_CODE || m->type == MEMBER_UNSIGNED || m->type == MEMBER_INTEGER);
        return m->type == MEMBER_CODE ? *(const Why *) value == WHY_NONE : *(const uint64_t *) value == 0;
}

static int encode_member(json_t *object, const Member *m, const void *record) {
        const void *from = (const char *) record + m->offset;
        json_t *value = NULL;
        int r = 0;

        if (m->optional && is_zero(m, from)) {
                (void) json_object_del(object, m->name); /* the text that is being replaced may have it */
                return 0;
        }
        switch (m->type) {
        case MEMBER_STRING:
                assert(memchr(from, '\0', m->size));
                value = encode_string(from);
                break;
        case MEMBER_UNSIGNED:
        case MEMBER_INDEX:
                value = encode_unsigned(*(const uint64_t *) from, &r);
                break;
        case MEMBER_UINT32:
                value = json_integer(*(const uint32_t *) from);
                break;
        case MEMBER_INTEGER:
                value = json_integer(*(const int64_t *) from);
                break;
        case MEMBER_BOOL:
                value = json_boolean(*(const bool *) from);
                break;
        case MEMBER_STATE:
        case MEMBER_VERB:
        case MEMBER_STAGE:
        case MEMBER_PAUSE:
                value = encode_word(m->type, *(const unsigned *) from);
                break;
        case MEMBER_CODE:
                value = json_integer(*(const Why *) from);
                break;
        case MEMBER_DEBTS:
        case MEMBER_TENURES:
        case MEMBER_NAMES:
                value = json_array();
                if (value)
                        r = encode_list(value, json_object_get(object, m->name), m, record);
                break;
        }
        if (r < 0) {
                json_decref(value);
                return r;
        }
        return json_object_set_new(object, m->name, value) < 0 ? -ENOMEM : 0; /* value NULL fails here */
}

static int encode_members(json_t *object, const Member *members, size_t n, const void *from) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = encode_member(object, members + i, from);
        return r;
}

int record_encode(const Record *record, const void *previous, size_t previous_size, char **ret) {
        bool kept = previous && previous_size <= RECORD_KEPT_MAX && is_bounded(previous, previous_size);
        json_t *object = kept ? json_loadb(previous, previous_size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        int r;

        assert((unsigned) record->kind < _RECORD_KIND_MAX && record->value);
        if (!json_is_object(object)) {
                json_decref(object);
                object = json_object();
                if (!object)
                        return -ENOMEM;
        }
        r = encode_members(object, kinds[record->kind].members, kinds[record->kind].n_members, record->value);
        if (r == 0) {
                char *text = json_dumps(object, JSON_COMPACT);

                if (text)
                        *ret = text;
                else
                        r = -ENOMEM;
        }
        json_decref(object);
        /* Nobody could read that, and the lease would be lost to everybody (law 11). Our own members have precedence.
         */
        if (r == 0 && kept && !is_bounded(*ret, strlen(*ret))) {
                free(TAKE_PTR(*ret));
                return record_encode(record, NULL, 0, ret);
        }
        return r;
}
