/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "conf/directory.h"
#include "conf/placement-options.h"
#include "conf/unit-files.h"
#include "core/record.h"
#include "core/timeline.h"
#include "util/strv.h"
#include "util/text.h"

#define UNITS_DIRECTORY "/etc/leased/units"
#define HOLD_DOWN_RELEASE (30 * USEC_PER_SEC)
#define HOLD_DOWN_FAILURE (60 * USEC_PER_SEC)
#define HOLD_DOWN_MAX USEC_PER_HOUR
#define REBOOT (5 * USEC_PER_MINUTE)
#define FAILBACK_HOLD (60 * USEC_PER_SEC)

/* A "#" is for slots, which no unit has ("leasectl run --slots="). */
static int parse_lease(const char *value, void *options) {
        UnitOptions *o = options;

        return !*value || (lease_name_is_valid(value) && !strchr(value, '#')) ? ini_parse_string(value, &o->lease)
                                                                              : -EINVAL;
}

/* Writes Lease=, except for a global unit, which has no lease. */
static void print_lease(FILE *f, const void *options) {
        const UnitOptions *o = options;

        if (!o->global)
                ini_print_string(f, &o->lease);
}

static int parse_copies(const char *value, void *field) {
        int64_t n = 1;
        int r = *value ? ini_parse_int64(value, &n) : 0;

        if (r >= 0 && (n < 1 || n > SLOTS_MAX))
                r = -ERANGE;
        if (r >= 0)
                *(unsigned *) field = (unsigned) n;
        return r;
}

static void print_copies(FILE *f, const void *field) {
        (void) fprintf(f, "%u", MAX(*(const unsigned *) field, 1u));
}

static int parse_stop_grace(const char *value, void *field) {
        return ini_parse_span_to(value, TTL_MAX, field);
}

/* Parses one of two words. A value that is not set means the first word. */
static int parse_choice(const char *value, const char *no, const char *yes, bool *field) {
        if (*value && !streq(value, no) && !streq(value, yes))
                return -EINVAL;
        *field = streq(value, yes);
        return 0;
}

static void print_choice(FILE *f, const char *no, const char *yes, const bool *field) {
        ini_print_text(f, *field ? yes : no);
}

static int parse_on_success(const char *value, void *field) {
        return parse_choice(value, "done", "release", field);
}

static void print_on_success(FILE *f, const void *field) {
        print_choice(f, "done", "release", field);
}

static int parse_on_failure(const char *value, void *field) {
        return parse_choice(value, "release", "hold", field);
}

static void print_on_failure(FILE *f, const void *field) {
        print_choice(f, "release", "hold", field);
}

static int parse_on_outage(const char *value, void *field) {
        return parse_choice(value, "stop", "freeze", field);
}

static void print_on_outage(FILE *f, const void *field) {
        print_choice(f, "stop", "freeze", field);
}

static int parse_on_shutdown(const char *value, void *options) {
        return parse_choice(value, "handover", "keep", &((UnitOptions *) options)->keeps_on_shutdown);
}

static void print_on_shutdown(FILE *f, const void *options) {
        const UnitOptions *o = options;

        print_choice(f, "handover", "keep", &o->keeps_on_shutdown);
}

static int parse_reboot(const char *value, void *field) {
        return ini_parse_span_to(value, KEPT_MAX, field);
}

static int parse_check(const char *value, void *options) {
        _cleanup_(strv_freep) char **words = NULL;
        UnitOptions *o = options;
        int r = ini_parse_words(value, &words);

        if (r < 0 || (words && words[0] && words[0][0] != '/'))
                return r < 0 ? r : -EINVAL;
        strv_free(o->check.command);
        o->check.command = words && words[0] ? TAKE_PTR(words) : NULL;
        return 0;
}

static void print_check(FILE *f, const void *options) {
        ini_print_words(f, &((const UnitOptions *) options)->check.command);
}

static int parse_check_span(const char *value, void *field) {
        int r = ini_parse_span_to(value, USEC_PER_HOUR, field);

        return r == 0 && *(usec_t *) field < USEC_PER_SEC ? -EINVAL : r;
}

static int parse_check_count(const char *value, void *field) {
        int64_t *n = field;
        int r = ini_parse_int64(value, n);

        return r == 0 && *value && (*n < 1 || *n > 100) ? -EINVAL : r;
}

static int parse_fence_action(const char *value, void *field) {
        return parse_choice(value, "none", "reboot", field);
}

static void print_fence_action(FILE *f, const void *field) {
        print_choice(f, "none", "reboot", field);
}

/* Parses Slice=, whose value may have specifiers for parts of the unit's name. */
static int parse_slice(const char *value, void *options) {
        UnitOptions *o = options;
        char name[PLACEMENT_TEXT_SIZE];
        int r = placement_expand(value, o->unit, false, name, sizeof(name));

        if (r < 0)
                return r;
        return !*name || slice_name_is_valid(name) ? ini_parse_string(name, &o->slice) : -EINVAL;
}

static void print_slice(FILE *f, const void *options) {
        ini_print_string(f, &((const UnitOptions *) options)->slice);
}

static int parse_hold_down(const char *value, void *options) {
        UnitOptions *o = options;

        return ini_parse_span_to(value, HOLD_DOWN_MAX, &o->config.hold_down_release);
}

static void print_hold_down(FILE *f, const void *options) {
        const UnitOptions *o = options;

        if (o->config.hold_down_failure == o->config.hold_down_release) /* otherwise the two have their defaults */
                ini_print_span(f, &o->config.hold_down_release);
}

enum {
        O_LEASE,
        O_COPIES,
        O_STOP_GRACE,
        O_VERSION,
        O_ON_SUCCESS,
        O_ON_FAILURE,
        O_ON_OUTAGE,
        O_CHECK,
        O_CHECK_INTERVAL,
        O_CHECK_TIMEOUT,
        O_CHECK_RISE,
        O_CHECK_FALL,
        O_ON_SHUTDOWN,
        O_REBOOT,
        O_HOLD_DOWN,
        O_FENCE_ACTION,
        O_SLICE,
        O_ALLOW_OUTSIDE,
        _O_MAX,
};

/* The options of [X-Leased] besides those of placement. With offset 0 the functions get the whole UnitOptions. */
static const IniOption options[_O_MAX] = {
        [O_LEASE] = { "Lease", parse_lease, 0,
                        "a name of at most 255 letters, digits and :_.\\@- that does not begin with a dot",
                        print_lease },
        [O_COPIES] = { "Copies", parse_copies, offsetof(UnitOptions, config.slots), "a number from 1 to 64, e.g. 3",
                        print_copies },
        [O_STOP_GRACE] = { "StopGraceSec", parse_stop_grace, offsetof(UnitOptions, config.stop_grace),
                        "a time span up to 60s, e.g. 3s", ini_print_span },
        [O_VERSION] = { "Version", ini_parse_int64, offsetof(UnitOptions, config.version), "a whole number, e.g. 2",
                        ini_print_int64 },
        [O_ON_SUCCESS] = { "OnSuccess", parse_on_success, offsetof(UnitOptions, config.release_on_success),
                        "done or release", print_on_success },
        [O_ON_FAILURE] = { "OnFailure", parse_on_failure, offsetof(UnitOptions, config.hold_on_failure),
                        "release or hold", print_on_failure },
        [O_ON_OUTAGE] = { "OnOutage", parse_on_outage, offsetof(UnitOptions, config.freezes), "stop or freeze",
                        print_on_outage },
        [O_CHECK] = { "Check", parse_check, 0, "a command that begins with the absolute path of a program",
                        print_check },
        [O_CHECK_INTERVAL] = { "CheckIntervalSec", parse_check_span, offsetof(UnitOptions, check.interval),
                        "a time span from 1s to 1h, e.g. 10s", ini_print_span },
        [O_CHECK_TIMEOUT] = { "CheckTimeoutSec", parse_check_span, offsetof(UnitOptions, check.timeout),
                        "a time span from 1s to 1h, e.g. 5s", ini_print_span },
        [O_CHECK_RISE] = { "CheckRise", parse_check_count, offsetof(UnitOptions, check.rise),
                        "a whole number from 1 to 100, e.g. 2", ini_print_int64 },
        [O_CHECK_FALL] = { "CheckFall", parse_check_count, offsetof(UnitOptions, check.fall),
                        "a whole number from 1 to 100, e.g. 3", ini_print_int64 },
        [O_ON_SHUTDOWN] = { "OnShutdown", parse_on_shutdown, 0, "handover or keep", print_on_shutdown },
        [O_REBOOT] = { "RebootSec", parse_reboot, offsetof(UnitOptions, reboot_sec), "a time span up to 1h, e.g. 5min",
                        ini_print_span },
        [O_HOLD_DOWN] = { "HoldDownSec", parse_hold_down, 0, "a time span up to 1h, e.g. 30s", print_hold_down },
        [O_FENCE_ACTION] = { "FenceAction", parse_fence_action, offsetof(UnitOptions, fence_by_reboot),
                        "none or reboot", print_fence_action },
        [O_SLICE] = { "Slice", parse_slice, 0,
                        "a slice of its own, e.g. foo.slice, not one of systemd's (system, user, machine)"
                        "; specifiers are %n %N %p %i",
                        print_slice },
        [O_ALLOW_OUTSIDE] = { "AllowOutside", ini_parse_bool, offsetof(UnitOptions, allow_outside), "yes or no",
                        ini_print_bool },
};

int unit_options_compare(const UnitOptions *old, const UnitOptions *new, options_differ_t f, void *userdata) {
        int r = ini_compare(options, ELEMENTSOF(options), old, new, f, userdata);

        return r < 0 ? r : ini_compare(placement_options, n_placement_options, old, new, f, userdata);
}

static int list_table(const IniOption *table, size_t n, const UnitOptions *o, FILE *f) {
        _cleanup_free_ char *values = ini_values(table, n, o);
        const char *value = values;
        char span[64], failed[64];

        if (!values)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++, value = ini_next(value)) {
                (void) fprintf(f, "%s=%s\n", table[i].key, value);
                if (table[i].parse == parse_stop_grace && !*value)
                        (void) fprintf(f, "# by default TimeoutStopSec= or a quarter of the TTL, whichever is "
                                          "shorter\n");
                if (table[i].parse == parse_hold_down && !*value)
                        (void) fprintf(f, "# by default %s, and %s after a failure\n",
                                        format_span(span, sizeof(span), o->config.hold_down_release),
                                        format_span(failed, sizeof(failed), o->config.hold_down_failure));
        }
        return 0;
}

int unit_options_list(const UnitOptions *o, FILE *f) {
        int r = list_table(options, ELEMENTSOF(options), o, f);

        return r < 0 ? r : list_table(placement_options, n_placement_options, o, f);
}

char *unit_options_path(const char *root, const char *unit) {
        return text_format("%s" UNITS_DIRECTORY "/%s", root, unit);
}

/* Reads one section of all the files. If a file cannot be read, its name is emptied, so that only one message says
 * so. */
static int load_section(const char *root, char **files, IniTable *table, Messages *messages) {
        table->foreign = true;
        for (char **f = files; *f; f++) {
                int r = **f ? ini_load(root, *f, table, messages) : 0;

                if (r == -ENOMEM)
                        return r;
                if (r < 0) /* the file is gone by now, or a message says what is wrong */
                        **f = '\0';
        }
        table->foreign = false;
        return 0;
}

/* What stands in for the text of /etc/leased/units/NAME. */
typedef struct Draft {
        const char *text;
        size_t size;
} Draft;

/* Reads all files twice: first all that fleet would have read, and then [X-Leased], whose lines win, whichever file
 * they stand in. draft is NULL: the unit's own file is read as it is. */
static int load_files(const char *root, const char *unit, const Draft *draft, IniTable *fleet, IniTable *leased,
                Messages *messages) {
        _cleanup_free_ char *own = unit_options_path("", unit);
        _cleanup_(strv_freep) char **files = NULL;
        int r;

        if (!own)
                return -ENOMEM;
        r = unit_files_find(root, unit, &files);
        if (r >= 0)
                r = load_section(root, files, fleet, messages);
        if (r >= 0)
                r = load_section(root, files, leased, messages);
        if (r < 0)
                return r;
        if (draft)
                ini_parse_text(own, draft->text, draft->size, leased, messages);
        else
                r = ini_load(root, own, leased, messages);
        return r == -ENOMEM ? r : 0; /* without the file the unit is not enabled yet */
}

/* The placement of a unit that says nothing about it: FailbackSec= has its default, and nothing else is set. */
static Placement no_wishes = { .failback_hold = FAILBACK_HOLD };

/* Lets a unit without any wish share the placement no_wishes. A placement takes more room than all else that is
 * kept of a unit, and most units have no wishes. */
static void share_placement(UnitOptions *o) {
        if (memcmp(o->placement, &no_wishes, sizeof(Placement)) != 0)
                return;
        free(o->placement);
        o->placement = &no_wishes;
}

static int fill_defaults(UnitOptions *o) {
        UnitConfig *c = &o->config;

        if (!o->lease)
                o->lease = o->unit; /* there may be very many of them */
        c->hold_down_failure = c->hold_down_release == USEC_INFINITY ? HOLD_DOWN_FAILURE : c->hold_down_release;
        if (c->hold_down_release == USEC_INFINITY)
                c->hold_down_release = HOLD_DOWN_RELEASE;
        if (o->placement->failback_hold == USEC_INFINITY)
                o->placement->failback_hold = FAILBACK_HOLD;
        if (c->slots > 1)
                o->slot = text_format("%s#1", o->lease);
        c->checked = o->check.command && !o->global;
        o->check.interval = o->check.interval == USEC_INFINITY ? 10 * USEC_PER_SEC : o->check.interval;
        o->check.timeout = o->check.timeout == USEC_INFINITY ? 5 * USEC_PER_SEC : o->check.timeout;
        o->check.rise = o->check.rise ?: 2;
        o->check.fall = o->check.fall ?: 3;
        if (o->reboot_sec == USEC_INFINITY)
                o->reboot_sec = REBOOT;
        c->reboot_wait = o->keeps_on_shutdown ? o->reboot_sec : 0;
        c->unit = o->unit;
        c->lease = o->slot ?: o->lease;
        share_placement(o);
        c->placement = o->placement;
        return o->slot || c->slots < 2 ? 0 : -ENOMEM;
}

static UnitOptions *unit_options_new(const char *unit) {
        UnitOptions *o = calloc(1, sizeof(UnitOptions));

        if (!o)
                return NULL;
        o->placement = calloc(1, sizeof(Placement));
        if (!o->placement)
                return unit_options_free(o);
        o->config.stop_grace = o->config.timeout_stop = o->config.hold_down_release = USEC_INFINITY;
        o->reboot_sec = o->check.interval = o->check.timeout = USEC_INFINITY;
        o->placement->failback_hold = USEC_INFINITY;
        o->unit = strdup(unit);
        return o->unit ? o : unit_options_free(o);
}

/* OnOutage=freeze is refused where it would do nothing, or not what it says. */
static void check_freezes(UnitOptions *o, const char *where, Messages *messages) {
        const char *why = o->global            ? "cannot stand together with Global=, which needs no lease, remove it"
                          : o->fence_by_reboot ? "cannot stand together with FenceAction=reboot: what outlives the "
                                                 "processes of a frozen unit would stay, remove one of the two"
                          : !endswith(o->unit, ".service") ? "only a service has processes to freeze, remove it"
                                                           : NULL;

        if (why)
                messages_add(messages, "%s: OnOutage=freeze: %s", where, why);
        o->config.freezes = !why;
}

/* Reads the options of o->unit. *ret_sure is false if it is in doubt by which lease the unit goes, whether it goes
 * by any, or where its processes are. */
static int load(const char *root, UnitOptions *o, const Draft *draft, bool *ret_sure, Messages *messages) {
        char *fleet_where[PLACEMENT_OPTIONS_MAX] = {}, *where[_O_MAX + PLACEMENT_OPTIONS_MAX] = {};
        bool fleet_unread[PLACEMENT_OPTIONS_MAX] = {}, unread[_O_MAX + PLACEMENT_OPTIONS_MAX] = {};
        PlacementSource source = { where + _O_MAX, fleet_where, unread + _O_MAX, fleet_unread };
        IniOption all[_O_MAX + PLACEMENT_OPTIONS_MAX];
        IniTable fleet = {
                .section = "X-Fleet",
                .options = fleet_options,
                .n_options = n_fleet_options,
                .target = o,
                .where = fleet_where,
                .unread = fleet_unread,
        };
        IniTable leased = {
                .section = "X-Leased",
                .options = all,
                .n_options = _O_MAX + n_placement_options,
                .target = o,
                .where = where,
                .unread = unread,
        };
        int r;

        memcpy(all, options, sizeof(options));
        memcpy(all + _O_MAX, placement_options, sizeof(placement_options));
        r = load_files(root, o->unit, draft, &fleet, &leased, messages);
        if (r == 0) {
                o->config.doubtful = placement_options_are_doubtful(&source);
                *ret_sure = placement_options_check(o, &source, messages) && !unread[O_LEASE] && !unread[O_SLICE] &&
                            !unread[O_COPIES] && !(o->global && o->lease);
                if (o->config.slots > 1 && o->global) {
                        messages_add(messages,
                                        "%s: Copies=: cannot stand together with Global=, which runs it on every "
                                        "machine, remove one of them",
                                        where[O_COPIES] ?: o->unit);
                        *ret_sure = false;
                } else if (o->config.slots > 1 && !lease_has_room_for_slots(o->lease ?: o->unit)) {
                        messages_add(messages,
                                        "%s: Copies=: the name of the lease is too long for copies, give it a shorter "
                                        "one by Lease=",
                                        where[O_COPIES] ?: o->unit);
                        *ret_sure = false;
                }
                if (o->global && o->lease)
                        messages_add(messages,
                                        "%s: Lease=: cannot stand together with Global=, which needs none, remove it",
                                        where[O_LEASE] ?: o->unit);
                if (o->global && o->slice)
                        messages_add(messages,
                                        "%s: Slice=: cannot stand together with Global=, which needs none, remove it",
                                        where[O_SLICE] ?: o->unit);
        }
        if (r == 0 && o->config.freezes)
                check_freezes(o, where[O_ON_OUTAGE] ?: o->unit, messages);
        o->stop_grace_where = TAKE_PTR(where[O_STOP_GRACE]);
        ini_where_done(&fleet);
        ini_where_done(&leased);
        return r;
}

int unit_options_load(const char *root, const char *unit, UnitOptions **ret, Messages *messages) {
        _cleanup_free_ char *own = unit_options_path(root, unit);

        if (!own)
                return -ENOMEM;
        return access(own, F_OK) < 0 ? -ENOENT : unit_options_preview(root, unit, ret, messages);
}

static int preview(const char *root, const char *unit, const Draft *draft, UnitOptions **ret, Messages *messages) {
        _cleanup_(unit_options_freep) UnitOptions *o = unit_options_new(unit);
        size_t before = messages->n;
        bool sure;
        int r;

        if (!o)
                return -ENOMEM;
        if (!unit_name_is_valid(unit))
                return -ENOENT;
        r = load(root, o, draft, &sure, messages);
        if (r == 0)
                r = fill_defaults(o);
        if (r < 0)
                return r;
        r = messages->n > before ? -EBADMSG : 0;
        if (sure)
                *ret = TAKE_PTR(o);
        return r;
}

int unit_options_preview(const char *root, const char *unit, UnitOptions **ret, Messages *messages) {
        return preview(root, unit, NULL, ret, messages);
}

int unit_options_preview_text(const char *root, const char *unit, const char *text, size_t size, UnitOptions **ret,
                Messages *messages) {
        const Draft draft = { .text = text, .size = size };

        return preview(root, unit, &draft, ret, messages);
}

UnitOptions *unit_options_free(UnitOptions *o) {
        if (!o)
                return NULL;
        if (o->placement != &no_wishes)
                free(o->placement);
        if (o->lease != o->unit)
                free(o->lease);
        free(o->unit);
        free(o->slot);
        free(o->slice);
        free(o->stop_grace_where);
        strv_free(o->check.command);
        free(o);
        return NULL;
}

/* Gives the longest StopGraceSec= that a TTL has time for. */
static usec_t grace_max(const Timeline *t) {
        return usec_sub(t->kill, t->round + 2 * t->attempt);
}

int unit_options_check(const UnitOptions *o, usec_t ttl, usec_t timeout_stop, Messages *messages) {
        char ttl_text[32], grace[32], most[32], stop[32];
        Timeline t;
        int r = timeline_compute(ttl, o->config.stop_grace, timeout_stop, &t);

        if (r != -EDOM || o->global) /* a global unit has no lease that could run out */
                return r == -EDOM ? 0 : r;
        messages_add(messages,
                        "%s: StopGraceSec=%s: with TTL=%s the unit would be stopped %s after a beat, before a round "
                        "of %" PRIu64 " ms and two attempts are over: at most StopGraceSec=%s, or a longer TTL=",
                        o->stop_grace_where ?: o->unit, format_span(grace, sizeof(grace), t.stop_grace),
                        format_span(ttl_text, sizeof(ttl_text), ttl), format_span(stop, sizeof(stop), t.stop),
                        t.round / USEC_PER_MSEC, format_span(most, sizeof(most), grace_max(&t)));
        return -EBADMSG;
}

int unit_options_check_ttl(const UnitOptions *o, const LeasedConf *c, Messages *messages) {
        char ttl[32], grace[32], most[32];
        Timeline t;
        int r = timeline_compute(c->ttl, o->config.stop_grace, USEC_INFINITY, &t);

        if (r != -EDOM || o->global)
                return r == -EDOM ? 0 : r;
        messages_add(messages,
                        "%s: TTL=%s: too short for %s with StopGraceSec=%s (%s): at most StopGraceSec=%s there, or a "
                        "longer TTL=",
                        c->ttl_where ?: "/etc/leased/leased.conf", format_span(ttl, sizeof(ttl), c->ttl), o->unit,
                        format_span(grace, sizeof(grace), t.stop_grace), strempty(o->stop_grace_where),
                        format_span(most, sizeof(most), grace_max(&t)));
        return -EBADMSG;
}

int enabled_units_list(const char *root, char ***ret, Messages *messages) {
        _cleanup_(strv_freep) char **names = NULL;
        _cleanup_free_ char *directory = unit_options_path(root, "");
        size_t kept = 0;
        int r;

        if (!directory)
                return -ENOMEM;
        r = directory_list(directory, NULL, &names);
        if (r < 0)
                return r;
        for (char **n = names; *n; n++)
                if (unit_name_is_valid(*n))
                        names[kept++] = *n;
                else {
                        messages_add(messages,
                                        UNITS_DIRECTORY
                                        "/%s: not the name of a unit, e.g. foo.service; remove the file",
                                        *n);
                        free(*n);
                }
        names[kept] = NULL;
        *ret = TAKE_PTR(names);
        return 0;
}
