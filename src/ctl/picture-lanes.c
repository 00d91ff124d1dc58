/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/picture-lanes.h"

#include "ctl/history-lines.h"
#include "ctl/machines.h"

static size_t lane_of(PictureLanes *lanes, const json_t *row) {
        const char *host = get_string(row, "hostname");
        char name[HOSTNAME_SHOWN];
        size_t i = 0;

        str_copy(name, *host ? sizeof(name) : 9, *host ? host : get_string(row, "machine_id"));
        while (i < lanes->n_names && !streq(lanes->names[i], name))
                i++;
        if (i < lanes->n_names || i == PICTURE_LANES_MAX)
                return MIN(i, (size_t) PICTURE_LANES_MAX - 1);
        lanes->names[i] = strdup(name);
        if (lanes->names[i])
                lanes->n_names++;
        return i;
}

/* A span of the lane SIZE_MAX is of the lane for the times in which the unit was down. */
static void add_span(PictureLanes *lanes, size_t lane, usec_t from, usec_t to, const json_t *row) {
        PictureSpan *more;

        if (from == 0 || to <= from || lane == lanes->n_names)
                return;
        more = realloc(lanes->spans, (lanes->n_spans + 1) * sizeof(PictureSpan));
        if (!more)
                return;
        lanes->spans = more;
        lanes->spans[lanes->n_spans++] = (PictureSpan){ .lane = lane, .from = from, .to = to, .row = row };
        lanes->from = lanes->from == 0 ? from : MIN(lanes->from, from);
        lanes->to = MAX(lanes->to, to);
}

/* Adds a tenure, without the outages in it. Its end may be known no more: then it had ended when the next one began.
 */
static void add_tenure(PictureLanes *lanes, const json_t *row, const json_t *next) {
        usec_t from = (usec_t) get_integer(row, "from_usec"), to = (usec_t) get_integer(row, "to_usec");
        size_t lane = lane_of(lanes, row), i;
        json_t *outage;

        if (to == 0 && next)
                to = (usec_t) get_integer(next, "from_usec");
        else if (to == 0)
                to = (usec_t) get_integer(row, "heard_usec") ?: now_realtime();
        json_array_foreach(json_object_get(row, "outages"), i, outage) {
                usec_t down = (usec_t) get_integer(outage, "from_usec"),
                       up = (usec_t) get_integer(outage, "to_usec") ?: to;

                add_span(lanes, lane, from, down, row);
                add_span(lanes, SIZE_MAX, down, up, row);
                from = up;
        }
        add_span(lanes, lane, from, to, row);
}

size_t picture_lanes_read(const json_t *rows, size_t first, PictureLanes *ret) {
        size_t i = first;

        *ret = (PictureLanes){ .lease = get_string(json_array_get(rows, first), "lease") };
        for (; i < json_array_size(rows); i++) {
                const json_t *row = json_array_get(rows, i), *next = json_array_get(rows, i + 1);
                usec_t from, to;

                if (!streq(ret->lease, get_string(row, "lease")))
                        break;
                if (next && !streq(ret->lease, get_string(next, "lease")))
                        next = NULL;
                add_tenure(ret, row, next);
                if (history_lines_gap(row, next, &from, &to))
                        add_span(ret, SIZE_MAX, from, to, row);
        }
        for (size_t s = 0; s < ret->n_spans; s++)
                ret->spans[s].lane = MIN(ret->spans[s].lane, ret->n_names);
        return i - first;
}

void picture_lanes_done(PictureLanes *lanes) {
        for (size_t i = 0; i < lanes->n_names; i++)
                free(lanes->names[i]);
        free(lanes->spans);
}

bool picture_lanes_overlap(const PictureLanes *lanes, size_t lane, usec_t from, usec_t to) {
        for (size_t i = 0; i < lanes->n_spans; i++) {
                const PictureSpan *s = lanes->spans + i;

                if (s->lane == lane && s->from < to && from < s->to)
                        return true;
        }
        return false;
}
