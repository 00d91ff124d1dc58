/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/placement-options.h"

#include <errno.h>

#include "conf/metadata.h"
#include "conf/unit-name.h"

#define FAILBACK_HOLD_MAX (24 * USEC_PER_HOUR)

enum {
        P_MACHINE_ID,
        P_MACHINE_OF,
        P_REQUIRE,
        P_CONFLICTS,
        P_REPLACES,
        P_GLOBAL,
        P_PREFER,
        P_PREFER_NOT,
        P_SPREAD,
        P_FAILBACK,
        P_FAILBACK_SEC,
        _P_MAX,
};

/* The options of [X-Fleet]. The OLD ones are the names from before fleet 0.8. */
enum {
        F_MACHINE_ID,
        F_MACHINE_OF,
        F_MACHINE_METADATA,
        F_CONFLICTS,
        F_REPLACES,
        F_GLOBAL,
        F_OLD_MACHINE_ID,
        F_OLD_BOOT_ID,
        F_OLD_MACHINE_OF,
        F_OLD_METADATA,
        F_OLD_CONFLICTS,
        _F_MAX,
};

const size_t n_placement_options = _P_MAX, n_fleet_options = _F_MAX;

/* ---- words ---- */

/* The specifiers are those of fleet, which systemd has, too. */
int placement_expand(const char *word, const char *unit, bool pattern, char *ret, size_t size) {
        _cleanup_(unit_name_done) UnitName name = {};
        size_t n = 0, stem = (size_t) (strrchr(unit, '.') - unit), length;
        int r = unit_name_split(unit, &name);

        for (; r >= 0 && *word; word++) {
                const char *s = word;

                length = 1;
                if (*word == '%') {
                        word++;
                        s = *word == 'n' || *word == 'N' ? unit
                            : *word == 'p'               ? name.prefix
                            : *word == 'i'               ? strempty(name.instance)
                            : *word == '%'               ? word
                                                         : NULL;
                        if (!s)
                                return -EINVAL;
                        length = *word == 'N' ? stem : *word == '%' ? 1 : strlen(s);
                }
                for (; length > 0; length--, s++) {
                        if (n + 2 >= size)
                                return -E2BIG;
                        if (pattern && *s == '\\' && s != word)
                                ret[n++] = '\\';
                        ret[n++] = *s;
                }
        }
        ret[n] = '\0';
        return r;
}

static bool is_metadata(const char *word) {
        size_t key = metadata_key_length(word);

        return key > 0 && word[key + 1];
}

/* Whether a word is a pattern. Without a glob it must be the name of a unit, since anything else would never match.
 */
static bool is_pattern(const char *word) {
        static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@*?[]!^";

        return word[strspn(word, chars)] == '\0' && (strpbrk(word, "*?[\\") || unit_name_is_valid(word));
}

/* Adds the words of a value to a list. The empty value empties the list. */
static int add_words(
                const UnitOptions *o, const char *value, bool (*is_valid)(const char *), char *list, size_t size) {
        _cleanup_(strv_freep) char **words = NULL;
        char joined[PLACEMENT_TEXT_SIZE], word[PLACEMENT_TEXT_SIZE];
        int r = ini_split_names(value, &words);

        str_copy(joined, sizeof(joined), *value ? list : "");
        for (char **w = words; r >= 0 && *w; w++) {
                r = placement_expand(*w, o->unit, is_valid == is_pattern, word, sizeof(word));
                if (r >= 0)
                        r = is_valid(word) ? metadata_append(joined, size, word) : -EINVAL;
        }
        if (r >= 0)
                str_copy(list, size, joined);
        return r;
}

/* ---- values ---- */

static int parse_require(const char *value, void *field) {
        UnitOptions *o = field;

        return add_words(o, value, is_metadata, o->placement->require, sizeof(o->placement->require));
}

static int parse_prefer(const char *value, void *field) {
        UnitOptions *o = field;

        return add_words(o, value, is_metadata, o->placement->prefer, sizeof(o->placement->prefer));
}

static int parse_prefer_not(const char *value, void *field) {
        UnitOptions *o = field;

        return add_words(o, value, is_metadata, o->placement->prefer_not, sizeof(o->placement->prefer_not));
}

/* Writes the pattern that matches all instances of the unit's template. A backslash of the name stands for itself. */
static int pattern_of_template(const char *unit, char ret[static CONFLICTS_SIZE]) {
        _cleanup_(unit_name_done) UnitName name = {};
        size_t n = 0;
        int r = unit_name_split(unit, &name);

        if (r < 0 || isempty(name.instance))
                return r < 0 ? r : -EINVAL;
        for (const char *s = name.prefix; *s; s++) {
                if (n + strlen(name.suffix) + sizeof("\\\\@*.") >= CONFLICTS_SIZE)
                        return -E2BIG;
                if (*s == '\\')
                        ret[n++] = '\\';
                ret[n++] = *s;
        }
        (void) snprintf(ret + n, CONFLICTS_SIZE - n, "@*.%s", name.suffix);
        return 0;
}

/* Parses a key of metadata, and behind it, for a group that is not all instances of a template, names of units or
 * patterns of them. */
static int parse_spread(const char *value, void *field) {
        UnitOptions *o = field;
        char group[CONFLICTS_SIZE] = "", key[PLACEMENT_KEY_SIZE + 1];
        size_t n = strcspn(value, " \t");
        const char *rest = value + n + strspn(value + n, " \t");
        int r;

        if (n >= PLACEMENT_KEY_SIZE)
                return -E2BIG;
        str_copy(key, n + 1, value);
        str_copy(key + n, 2, "=");
        if (*value && metadata_key_length(key) != n)
                return -EINVAL;
        key[n] = '\0';
        r = *rest   ? add_words(o, rest, is_pattern, group, sizeof(group))
            : n > 0 ? pattern_of_template(o->unit, group)
                    : 0;
        if (r < 0)
                return r;
        str_copy(o->placement->spread, sizeof(o->placement->spread), key);
        str_copy(o->placement->spread_group, sizeof(o->placement->spread_group), group);
        return 0;
}

static void print_spread(FILE *f, const void *options) {
        const Placement *p = ((const UnitOptions *) options)->placement;

        if (p->spread[0])
                (void) fprintf(f, "%s %s", p->spread, p->spread_group);
}

static int parse_machine_of(const char *value, void *field) {
        UnitOptions *o = field;

        return add_words(o, value, unit_name_is_valid, o->placement->machine_of, sizeof(o->placement->machine_of));
}

static int parse_conflicts(const char *value, void *field) {
        UnitOptions *o = field;

        return add_words(o, value, is_pattern, o->placement->conflicts, sizeof(o->placement->conflicts));
}

static int parse_replaces(const char *value, void *field) {
        UnitOptions *o = field;

        return add_words(o, value, is_pattern, o->placement->replaces, sizeof(o->placement->replaces));
}

static int parse_machine_id(const char *value, void *field) {
        UnitOptions *o = field;
        _cleanup_free_ char *id = NULL;
        char expanded[PLACEMENT_TEXT_SIZE];
        size_t n;
        int r = ini_parse_string(value, &id);

        if (r >= 0)
                r = placement_expand(strempty(id), o->unit, false, expanded, sizeof(expanded));
        if (r < 0)
                return r;
        n = strspn(expanded, "0123456789abcdef");
        if (expanded[n] || (n > 0 && n < 8) || n >= sizeof(o->placement->machine_id))
                return -EINVAL;
        str_copy(o->placement->machine_id, sizeof(o->placement->machine_id), expanded);
        return 0;
}

/* Parses an option from before fleet knew machines by their ids. fleet reads the boot id as a machine id, which no
 * machine has. leased does the same: a unit that runs nowhere is better than one that runs anywhere. */
static int parse_boot_id(const char *value, void *field) {
        _cleanup_free_ char *id = strdup(value);
        size_t n = 0;

        if (!id)
                return -ENOMEM;
        for (const char *p = value; *p; p++)
                if (*p != '-')
                        id[n++] = *p;
        id[n] = '\0';
        return parse_machine_id(id, field);
}

/* Parses Global=, whose value may be quoted, as fleet takes it. */
static int parse_global(const char *value, void *field) {
        _cleanup_free_ char *text = NULL;
        int r = ini_parse_string(value, &text);

        return r < 0 ? r : ini_parse_bool(strempty(text), field);
}

static int parse_failback(const char *value, void *options) {
        UnitOptions *o = options;

        return ini_parse_bool(value, &o->placement->failback);
}

static void print_failback(FILE *f, const void *options) {
        const UnitOptions *o = options;

        ini_print_bool(f, &o->placement->failback);
}

static int parse_failback_sec(const char *value, void *options) {
        UnitOptions *o = options;

        return ini_parse_span_to(value, FAILBACK_HOLD_MAX, &o->placement->failback_hold);
}

static void print_failback_sec(FILE *f, const void *options) {
        const UnitOptions *o = options;

        ini_print_span(f, &o->placement->failback_hold);
}

/* The printers of the lists. As the parsers above, they get the whole UnitOptions: the offset of these options is
 * 0. */
#define DEFINE_PRINTER(member)                                                                                        \
        static void print_##member(FILE *f, const void *options) {                                                    \
                ini_print_text(f, ((const UnitOptions *) options)->placement->member);                                \
        }

DEFINE_PRINTER(machine_id)
DEFINE_PRINTER(machine_of)
DEFINE_PRINTER(require)
DEFINE_PRINTER(prefer)
DEFINE_PRINTER(prefer_not)
DEFINE_PRINTER(conflicts)
DEFINE_PRINTER(replaces)

/* ---- the tables ---- */

#define SPECIFIERS "; specifiers are %n %N %p %i"
#define A_MACHINE_ID                                                                                                  \
        "the id of a machine as leasectl machines shows it, or its first 8 digits or more, lower-case hex" SPECIFIERS
#define A_METADATA                                                                                                    \
        "a list of key=value, in all shorter than 512 characters, e.g. region=eu disk=ssd, without comparisons such " \
        "as ram>=1024" SPECIFIERS
#define A_UNIT "a list of names of units, in all shorter than 512 characters, e.g. foo.service" SPECIFIERS
#define A_PATTERN                                                                                                     \
        "a list of names of units or patterns of them, in all shorter than 256 characters, e.g. "                     \
        "foo@*.service" SPECIFIERS
#define A_BOOL "yes or no"

const IniOption placement_options[PLACEMENT_OPTIONS_MAX] = {
        [P_MACHINE_ID] = { "MachineID", parse_machine_id, 0, A_MACHINE_ID, print_machine_id },
        [P_MACHINE_OF] = { "MachineOf", parse_machine_of, 0, A_UNIT, print_machine_of },
        [P_REQUIRE] = { "Require", parse_require, 0, A_METADATA, print_require },
        [P_CONFLICTS] = { "Conflicts", parse_conflicts, 0, A_PATTERN, print_conflicts },
        [P_REPLACES] = { "Replaces", parse_replaces, 0, A_PATTERN, print_replaces },
        [P_GLOBAL] = { "Global", parse_global, offsetof(UnitOptions, global), A_BOOL, ini_print_bool },
        [P_PREFER] = { "Prefer", parse_prefer, 0, A_METADATA, print_prefer },
        [P_PREFER_NOT] = { "PreferNot", parse_prefer_not, 0, A_METADATA, print_prefer_not },
        [P_SPREAD] = { "Spread", parse_spread, 0,
                        "a key of metadata, e.g. rack, and behind it, unless the group is all instances of this "
                        "template, "
                        "the units of the group, e.g. rack web-*.service" SPECIFIERS,
                        print_spread },
        [P_FAILBACK] = { "Failback", parse_failback, 0, A_BOOL, print_failback },
        [P_FAILBACK_SEC] = { "FailbackSec", parse_failback_sec, 0, "a time span up to 24h, e.g. 60s",
                        print_failback_sec },
};

const IniOption fleet_options[PLACEMENT_OPTIONS_MAX] = {
        [F_MACHINE_ID] = { "MachineID", parse_machine_id, 0, A_MACHINE_ID },
        [F_MACHINE_OF] = { "MachineOf", parse_machine_of, 0, A_UNIT },
        [F_MACHINE_METADATA] = { "MachineMetadata", parse_require, 0, A_METADATA },
        [F_CONFLICTS] = { "Conflicts", parse_conflicts, 0, A_PATTERN },
        [F_REPLACES] = { "Replaces", parse_replaces, 0, A_PATTERN },
        [F_GLOBAL] = { "Global", parse_global, offsetof(UnitOptions, global), A_BOOL },
        [F_OLD_MACHINE_ID] = { "X-ConditionMachineID", parse_machine_id, 0, A_MACHINE_ID },
        [F_OLD_BOOT_ID] = { "X-ConditionMachineBootID", parse_boot_id, 0, "a boot id, of 32 lower-case hex digits" },
        [F_OLD_MACHINE_OF] = { "X-ConditionMachineOf", parse_machine_of, 0, A_UNIT },
        [F_OLD_METADATA] = { "X-ConditionMachineMetadata", parse_require, 0, A_METADATA },
        [F_OLD_CONFLICTS] = { "X-Conflicts", parse_conflicts, 0, A_PATTERN },
};

/* For each option of [X-Fleet], the option of [X-Leased] that sets the same field. */
static const unsigned means[_F_MAX] = {
        [F_MACHINE_ID] = P_MACHINE_ID,
        [F_MACHINE_OF] = P_MACHINE_OF,
        [F_MACHINE_METADATA] = P_REQUIRE,
        [F_CONFLICTS] = P_CONFLICTS,
        [F_REPLACES] = P_REPLACES,
        [F_GLOBAL] = P_GLOBAL,
        [F_OLD_MACHINE_ID] = P_MACHINE_ID,
        [F_OLD_BOOT_ID] = P_MACHINE_ID,
        [F_OLD_MACHINE_OF] = P_MACHINE_OF,
        [F_OLD_METADATA] = P_REQUIRE,
        [F_OLD_CONFLICTS] = P_CONFLICTS,
};

/* ---- what may not stand together ---- */

/* Pairs of options that contradict each other: the rules of fleet v1.0 (api/units.go, ValidateOptions()), and at
 * the end those of leased. MachineID= says everything about the place. Global= takes every place. Replaces= would
 * drive away the units to which Conflicts= gives way. */
static const struct {
        unsigned a, b;
} contradictions[] = {
        { P_MACHINE_ID, P_MACHINE_OF },
        { P_MACHINE_ID, P_CONFLICTS },
        { P_MACHINE_ID, P_GLOBAL },
        { P_MACHINE_ID, P_REPLACES },
        { P_GLOBAL, P_MACHINE_OF },
        { P_GLOBAL, P_REPLACES },
        { P_CONFLICTS, P_REPLACES },
        { P_GLOBAL, P_PREFER },
        { P_GLOBAL, P_PREFER_NOT },
        { P_GLOBAL, P_SPREAD },
        { P_GLOBAL, P_FAILBACK },
};

static bool is_set(const UnitOptions *o, unsigned option) {
        switch (option) {
        case P_MACHINE_ID:
                return o->placement->machine_id[0];
        case P_MACHINE_OF:
                return o->placement->machine_of[0];
        case P_CONFLICTS:
                return o->placement->conflicts[0];
        case P_REPLACES:
                return o->placement->replaces[0];
        case P_PREFER:
                return o->placement->prefer[0];
        case P_PREFER_NOT:
                return o->placement->prefer_not[0];
        case P_SPREAD:
                return o->placement->spread[0];
        case P_FAILBACK:
                return o->placement->failback;
        default:
                return o->global;
        }
}

/* Gives the place ("FILE:LINE") where an option was set last, and in *ret_key the name under which it was set
 * there. */
static const char *find_source(const PlacementSource *source, unsigned option, const char **ret_key) {
        *ret_key = placement_options[option].key;
        if (source->leased[option])
                return source->leased[option];
        for (unsigned i = 0; i < _F_MAX; i++)
                if (source->fleet[i] && means[i] == option) {
                        *ret_key = fleet_options[i].key;
                        return source->fleet[i];
                }
        return "?";
}

static void check_peers(const UnitOptions *o, const PlacementSource *source, Messages *messages) {
        const char *key, *where = find_source(source, P_MACHINE_OF, &key), *other, *other_where;
        _cleanup_(strv_freep) char **peers = NULL;

        if (ini_split_names(o->placement->machine_of, &peers) < 0)
                return;
        other_where = find_source(source, P_CONFLICTS, &other);
        for (char **peer = peers; *peer; peer++)
                if (streq(*peer, o->unit))
                        messages_add(messages, "%s: %s=%s: is this unit itself, name another one", where, key, *peer);
                else if (placement_matches(o->placement->conflicts, *peer))
                        messages_add(messages, "%s: %s=%s: %s= (%s) keeps it away from that unit, remove one of them",
                                        where, key, *peer, other, other_where);
                else if (placement_matches(o->placement->replaces, *peer))
                        messages_add(messages, "%s: %s=%s: Replaces= (%s) drives that unit away, remove one of them",
                                        where, key, *peer, find_source(source, P_REPLACES, &other));
}

bool placement_options_are_doubtful(const PlacementSource *source) {
        for (unsigned i = P_MACHINE_ID; i <= P_REPLACES; i++)
                if (source->leased_unread[i])
                        return true;
        for (unsigned i = 0; i < _F_MAX; i++)
                if (source->fleet_unread[i])
                        return true;
        return false;
}

bool placement_options_check(const UnitOptions *o, const PlacementSource *source, Messages *messages) {
        bool sure = !source->leased_unread[P_GLOBAL] && (!source->fleet_unread[F_GLOBAL] || source->leased[P_GLOBAL]);
        const char *key, *other, *where, *other_where;

        for (size_t i = 0; i < ELEMENTSOF(contradictions); i++) {
                unsigned a = contradictions[i].a, b = contradictions[i].b;

                if (!is_set(o, a) || !is_set(o, b))
                        continue;
                where = find_source(source, a, &key);
                other_where = find_source(source, b, &other);
                messages_add(messages, "%s: %s=: cannot stand together with %s= (%s), remove one of them", where, key,
                                other, other_where);
                sure = sure && !o->global;
        }
        check_peers(o, source, messages);
        return sure;
}
