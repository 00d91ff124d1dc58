/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "conf/directory.h"
#include "conf/ini.h"
#include "conf/unit-files.h"
#include "core/record.h"
#include "core/timeline.h"

#define UNITS_DIRECTORY "/etc/leased/units"
#define HOLD_DOWN_RELEASE (30 * USEC_PER_SEC)
#define HOLD_DOWN_FAILURE (60 * USEC_PER_SEC)
#define HOLD_DOWN_MAX USEC_PER_HOUR

/* No lease's name: which one was meant is not guessed at. */
#define LEASE_UNREADABLE "?"

static int parse_lease(const char *value, void *field) {
        if (!*value || lease_name_is_valid(value))
                return ini_parse_string(value, field);
        return ini_parse_string(LEASE_UNREADABLE, field) < 0 ? -ENOMEM : -EINVAL;
}

static int parse_stop_grace(const char *value, void *field) {
        usec_t t;
        int r = ini_parse_span(value, &t);

        if (r < 0)
                return r;
        if (t != USEC_INFINITY && t > TTL_MAX)
                return -ERANGE;
        *(usec_t *) field = t;
        return 0;
}

static int parse_on_success(const char *value, void *field) {
        if (*value && !streq(value, "done") && !streq(value, "release"))
                return -EINVAL;
        *(bool *) field = streq(value, "release");
        return 0;
}

static int parse_on_failure(const char *value, void *field) {
        if (*value && !streq(value, "release") && !streq(value, "hold"))
                return -EINVAL;
        *(bool *) field = streq(value, "hold");
        return 0;
}

static int parse_fence_action(const char *value, void *field) {
        if (*value && !streq(value, "none") && !streq(value, "reboot"))
                return -EINVAL;
        *(bool *) field = streq(value, "reboot");
        return 0;
}

static int parse_hold_down(const char *value, void *field) {
        usec_t t;
        int r = ini_parse_span(value, &t);

        if (r < 0)
                return r;
        if (t != USEC_INFINITY && t > HOLD_DOWN_MAX)
                return -ERANGE;
        *(usec_t *) field = t;
        return 0;
}

enum {
        O_LEASE,
        O_STOP_GRACE,
        O_VERSION,
        O_ON_SUCCESS,
        O_ON_FAILURE,
        O_HOLD_DOWN,
        O_FENCE_ACTION,
        _O_MAX,
};

static const IniOption options[_O_MAX] = {
                [O_LEASE] = {"Lease", parse_lease, offsetof(UnitOptions, lease),
                                "a name of at most 255 letters, digits and :_.\\@- that does not begin with a dot"},
                [O_STOP_GRACE] = {"StopGraceSec", parse_stop_grace, offsetof(UnitOptions, stop_grace),
                                "a time span up to 60s, e.g. 3s"},
                [O_VERSION] = {"Version", ini_parse_int64, offsetof(UnitOptions, version), "a whole number, e.g. 2"},
                [O_ON_SUCCESS] = {"OnSuccess", parse_on_success, offsetof(UnitOptions, release_on_success),
                                "done or release"},
                [O_ON_FAILURE] = {"OnFailure", parse_on_failure, offsetof(UnitOptions, hold_on_failure),
                                "release or hold"},
                [O_HOLD_DOWN] = {"HoldDownSec", parse_hold_down, offsetof(UnitOptions, hold_down_release),
                                "a time span up to 1h, e.g. 30s"},
                [O_FENCE_ACTION] = {"FenceAction", parse_fence_action, offsetof(UnitOptions, fence_by_reboot),
                                "none or reboot"},
};

static char *enabled_path(const char *root, const char *unit) {
        char *path;

        return asprintf(&path, "%s" UNITS_DIRECTORY "/%s", root, unit) < 0 ? NULL : path;
}

static int load_files(const char *root, const char *unit, IniTable *table, Messages *messages) {
        _cleanup_free_ char *own = enabled_path("", unit);
        _cleanup_(strv_freep) char **files = NULL;
        int r;

        if (!own)
                return -ENOMEM;
        table->foreign = true;
        r = unit_files_find(root, unit, &files);
        for (char **f = files; r == 0 && f && *f; f++) {
                r = ini_load(root, *f, table, messages);
                if (r != -ENOMEM)
                        r = 0; /* gone since, or a message says what is wrong */
        }
        if (r < 0)
                return r;
        table->foreign = false;
        r = ini_load(root, own, table, messages);
        return r == -ENOENT || r == -ENOMEM ? r : 0;
}

static int fill_defaults(UnitOptions *o) {
        if (!o->lease)
                o->lease = strdup(o->unit);
        o->hold_down_failure = o->hold_down_release == USEC_INFINITY ? HOLD_DOWN_FAILURE : o->hold_down_release;
        if (o->hold_down_release == USEC_INFINITY)
                o->hold_down_release = HOLD_DOWN_RELEASE;
        return o->lease ? 0 : -ENOMEM;
}

int unit_options_load(const char *root, const char *unit, UnitOptions **ret, Messages *messages) {
        _cleanup_free_ char *own = enabled_path(root, unit);

        if (!own)
                return -ENOMEM;
        return access(own, F_OK) < 0 ? -ENOENT : unit_options_preview(root, unit, ret, messages);
}

int unit_options_preview(const char *root, const char *unit, UnitOptions **ret, Messages *messages) {
        _cleanup_(unit_options_freep) UnitOptions *o = calloc(1, sizeof(UnitOptions));
        char *where[_O_MAX] = {};
        IniTable table = {
                        .section = "X-Leased",
                        .refused = "X-Fleet",
                        .refused_why = "fleet's placement options are not supported, remove the section",
                        .options = options,
                        .n_options = _O_MAX,
                        .target = o,
                        .where = where,
        };
        size_t before = messages->n;
        int r;

        if (!o)
                return -ENOMEM;
        if (!unit_name_is_valid(unit))
                return -ENOENT;
        o->unit = strdup(unit);
        if (!o->unit)
                return -ENOMEM;
        o->stop_grace = o->hold_down_release = USEC_INFINITY;
        r = load_files(root, unit, &table, messages);
        if (r == -ENOENT) /* its own file, which enabling it will make */
                r = 0;
        if (r == 0)
                r = fill_defaults(o);
        o->stop_grace_where = TAKE_PTR(where[O_STOP_GRACE]);
        ini_where_done(&table);
        if (r < 0)
                return r;
        r = messages->n > before ? -EBADMSG : 0;
        if (!streq(o->lease, LEASE_UNREADABLE))
                *ret = TAKE_PTR(o);
        return r;
}

UnitOptions *unit_options_free(UnitOptions *o) {
        if (!o)
                return NULL;
        free(o->unit);
        free(o->lease);
        free(o->stop_grace_where);
        free(o);
        return NULL;
}

/* The longest StopGraceSec= that a TTL can serve. */
static usec_t grace_max(const Timeline *t) {
        return usec_sub(t->kill, t->round + 2 * t->attempt);
}

int unit_options_check(const UnitOptions *o, usec_t ttl, usec_t timeout_stop, Messages *messages) {
        char ttl_text[32], grace[32], most[32], stop[32];
        Timeline t;
        int r = timeline_compute(ttl, o->stop_grace, timeout_stop, &t);

        if (r != -EDOM)
                return r;
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
        int r = timeline_compute(c->ttl, o->stop_grace, USEC_INFINITY, &t);

        if (r != -EDOM)
                return r;
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
        _cleanup_free_ char *directory = enabled_path(root, "");
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
