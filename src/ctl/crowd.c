/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/crowd.h"

#include <errno.h>

#include "ctl/bus-many.h"
#include "ctl/bus.h"
#include "ctl/message-json.h"
#include "ctl/progress.h"

enum {
        LOOKED_ANYWAY = 16, /* at most so many units in one PROGRESS_POLL, in turn, without a signal */
        FEW = 4,        /* so many units are read one by one; more of them by a call for all that are enabled ... */
        ROWS_MOST = 16, /* ... unless there are more than so many for each that is to be read */
};

/* Of several units no look follows the one before sooner than after this time, and a little more for each unit. While
 * many units stop and start, each of them changes several times, and leased has better things to do than to tell of
 * each. */
#define BETWEEN_LOOKS (50 * USEC_PER_MSEC)
#define BETWEEN_LOOKS_UNIT 200 /* us */
#define BETWEEN_LOOKS_MAX (500 * USEC_PER_MSEC)

typedef struct Crowd {
        Ctl *ctl;
        size_t n;
        char *const *names;
        char **paths; /* the paths of the objects; NULL: the wait for the unit is over */
        CrowdReads reads;
        size_t enabled; /* how many units the last call for all has told of; 0: there was none */
        crowd_look_t look;
        void *userdata;
        size_t *asked, n_asked; /* the numbers of the units that are being read */
        bool until_gone;
        size_t left, turn;
        char trouble[256]; /* what is wrong with the registry; "": nothing */
        bool keeps;        /* what this machine holds, it keeps without the registry */
        json_t *shown;     /* the properties of the only unit, for people */
} Crowd;

bool crowd_is_gone(const sd_bus_error *error) {
        return sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_OBJECT) ||
               sd_bus_error_has_name(error, LEASED_ERROR("NoSuchUnit"));
}

static void crowd_done(Crowd *c) {
        for (size_t i = 0; c->paths && i < c->n; i++)
                free(c->paths[i]);
        free(c->paths);
        free(c->asked);
        json_decref(c->shown);
}

static int crowd_begin(Crowd *c) {
        int r = 0;

        c->paths = calloc(c->n, sizeof(char *));
        c->asked = calloc(c->n, sizeof(size_t));
        if (!c->paths || !c->asked)
                return -ENOMEM;
        for (size_t i = 0; i < c->n && r >= 0; i++)
                if (c->names[i]) {
                        r = sd_bus_path_encode(LEASED_UNIT_PATH, c->names[i], c->paths + i);
                        c->left++;
                }
        (void) bus_heard(LEASED_NAME); /* from here on changes are noted */
        return r;
}

/* ---- one look ---- */

static int make(size_t i, sd_bus_message **ret, void *userdata) {
        const Crowd *c = userdata;
        int r = sd_bus_message_new_method_call(
                        c->ctl->bus, ret, LEASED_NAME, c->paths[c->asked[i]], DBUS_PROPERTIES, "GetAll");

        return r < 0 ? r : sd_bus_message_append(*ret, "s", LEASED_UNIT);
}

/* Shows the caller what was read of a unit. */
static void show_unit(Crowd *c, size_t which, json_t *props, int r, const sd_bus_error *error) {
        if (props && *c->trouble) {
                (void) json_object_set_new(props, "Trouble", json_string(c->trouble));
                (void) json_object_set_new(props, "Kept", json_boolean(c->keeps));
        }
        if (c->n == 1) {
                json_decref(c->shown);
                c->shown = json_incref(props);
        }
        if (!c->look(which, props, r, error, c->userdata))
                return;
        free(c->paths[which]);
        c->paths[which] = NULL;
        c->left--;
}

static void take(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata) {
        json_auto_t *body = NULL;
        Crowd *c = userdata;
        int r = error ? -sd_bus_error_get_errno(error) : message_json_body(answer, &body);

        show_unit(c, c->asked[i], r < 0 ? NULL : json_array_get(body, 0), r, error);
}

static json_t *props_of(const json_t *row) {
        return json_pack("{s:O, s:O, s:O, s:O, s:O, s:O}", "Name", json_array_get(row, 0), "State",
                        json_array_get(row, 1), "ActiveState", json_array_get(row, 2), "MachineID",
                        json_array_get(row, 4), "HolderKnown", json_array_get(row, 5), "LeaseIndex",
                        json_array_get(row, 6));
}

/* Reads who holds the units by one call. */
static int look_at_rows(Crowd *c) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL, gone = SD_BUS_ERROR_NULL;
        json_auto_t *answer = NULL, *rows = json_object();
        json_t *row;
        size_t i;
        int r = bus_call(c->ctl->bus, &bus_leased, "ListUnitStates", &answer, &error, NULL);

        json_array_foreach(json_array_get(answer, 0), i, row)
                (void) json_object_set(rows, string_at(row, 0), row);
        c->enabled = json_object_size(rows);
        sd_bus_error_set_const(&gone, LEASED_ERROR("NoSuchUnit"), "It is not enabled here");
        for (i = 0; i < c->n_asked; i++) {
                json_auto_t *props = NULL;

                row = json_object_get(rows, c->names[c->asked[i]]);
                props = row ? props_of(row) : NULL;
                show_unit(c, c->asked[i], props, props ? 0 : r < 0 ? r : -ENOENT, r < 0 ? &error : &gone);
        }
        return 0;
}

static void read_trouble(Crowd *c) {
        json_auto_t *manager = NULL;
        bool trouble = bus_get_manager(c->ctl->bus, &manager, NULL) >= 0 &&
                       streq(get_string(manager, "RegistryState"), "trouble");

        str_copy(c->trouble, sizeof(c->trouble), trouble ? get_string(manager, "RegistryError") : "");
        c->keeps = get_boolean(manager, "Keeps");
}

static int look(Crowd *c) {
        const BusMany calls = { .make = make, .take = take, .userdata = c };

        if (c->reads == CROWD_READS_HOLDER && c->n_asked > FEW && c->enabled <= ROWS_MOST * c->n_asked)
                return look_at_rows(c);
        return c->n_asked > 0 ? bus_call_many(c->ctl->bus, c->n_asked, &calls) : 0;
}

static void choose_all(Crowd *c) {
        c->n_asked = 0;
        for (size_t i = 0; i < c->n; i++)
                if (c->paths[i])
                        c->asked[c->n_asked++] = i;
}

/* Whether leased has announced a change that matters. */
static bool has_changed(const Crowd *c, const char *path) {
        return c->until_gone ? bus_heard_removed(path) : bus_heard(path);
}

/* Chooses the units to look at: those of which leased has announced a change, all of them if leased has ended or
 * returned, and, with anyway, some others in turn. */
static void choose(Crowd *c, bool anyway) {
        size_t rest = anyway ? LOOKED_ANYWAY : 0, begin = c->turn;
        bool all = bus_heard(LEASED_NAME);

        c->n_asked = 0;
        for (size_t k = 0; k < c->n; k++) {
                size_t i = (begin + k) % c->n;

                if (!c->paths[i] || (!has_changed(c, c->paths[i]) && !all && rest == 0))
                        continue;
                c->asked[c->n_asked++] = i;
                if (rest > 0) {
                        rest--;
                        c->turn = i + 1;
                }
        }
}

/* ---- and the wait ---- */

static void show(Crowd *c, Progress *progress, Bar *bar) {
        if (c->n > 1)
                bar_show(bar, c->left, c->trouble);
        else if (c->shown)
                progress_show(progress, c->shown);
}

static int pass_time(Crowd *c, usec_t span) {
        usec_t until = usec_add(now_boottime(), span), now;
        int r = 0;

        while (r >= 0 && (now = now_boottime()) < until)
                r = bus_wait(c->ctl->bus, until - now);
        return r;
}

/* Waits until there is something to look at. */
static int wait_for_change(Crowd *c, usec_t *anyway_at) {
        usec_t pause = MIN(BETWEEN_LOOKS + c->left * BETWEEN_LOOKS_UNIT, BETWEEN_LOOKS_MAX);
        int r = c->n > 1 ? pass_time(c, pause) : 0;

        choose(c, now_boottime() >= *anyway_at);
        while (r >= 0 && c->n_asked == 0) {
                r = bus_wait(c->ctl->bus, PROGRESS_POLL);
                choose(c, now_boottime() >= *anyway_at);
        }
        if (now_boottime() < *anyway_at)
                return r;
        *anyway_at = usec_add(now_boottime(), PROGRESS_POLL);
        read_trouble(c);
        return r;
}

static int wait_for_all(Crowd *c, const char *what) {
        Progress progress = progress_begin(strempty(c->names[0]));
        usec_t anyway_at = 0;
        Bar bar = bar_begin(what);
        int r = 0;

        read_trouble(c);
        choose_all(c);
        while (r >= 0 && c->left > 0) {
                r = look(c);
                if (r < 0 || c->left == 0)
                        break;
                show(c, &progress, &bar);
                r = wait_for_change(c, &anyway_at);
        }
        progress_end(&progress);
        bar_end(&bar);
        return r;
}

int crowd_look(Ctl *ctl, size_t n, char *const *names, CrowdReads reads, crowd_look_t look_at, void *userdata) {
        Crowd c = { .ctl = ctl, .n = n, .names = names, .reads = reads, .look = look_at, .userdata = userdata };
        int r = crowd_begin(&c);

        if (r >= 0) {
                choose_all(&c);
                r = look(&c);
        }
        crowd_done(&c);
        return r < 0 ? bus_complain(NULL, r, NULL) : CTL_OK;
}

int crowd_wait(Ctl *ctl, const char *what, size_t n, char *const *names, bool until_gone, CrowdReads reads,
                crowd_look_t look_at, void *userdata) {
        Crowd c = { .ctl = ctl,
                .n = n,
                .names = names,
                .until_gone = until_gone && n > 1,
                .reads = reads,
                .look = look_at,
                .userdata = userdata };
        int r = crowd_begin(&c);

        if (r >= 0)
                r = wait_for_all(&c, what);
        crowd_done(&c);
        return r < 0 ? bus_complain(what, r, NULL) : CTL_OK;
}
