/* SPDX-License-Identifier: Apache-2.0 */
/* The history of leases as lines and pictures: every time in which a unit was down is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/why.h"
#include "ctl/history-lines.h"
#include "ctl/picture-lanes.h"
#include "ctl/picture.h"
#include "util/file-util.h"

#define HOUR USEC_PER_HOUR

static json_t *tenure(const char *lease, const char *host, int index, usec_t from, usec_t to, Why code) {
        return json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:s, s:i, s:[]}", "lease", lease, "machine_id",
                        "0123456789ab", "hostname", host, "index", index, "from_usec", (json_int_t) from, "to_usec",
                        (json_int_t) to, "why", why_word(code), "code", code, "outages");
}

/* Two leases: "a" moves from alpha to beta with a gap of an hour, was down for a minute at beta, and is with nobody
 * since it failed there; "b" is done. */
static json_t *story(void) {
        json_t *rows = json_array();

        (void) json_array_append_new(rows, tenure("a", "alpha", 1, 1 * HOUR, 2 * HOUR, WHY_EXPIRED));
        (void) json_array_append_new(rows, tenure("a", "beta", 2, 3 * HOUR, 6 * HOUR, WHY_FAILED));
        (void) json_array_append_new(json_object_get(json_array_get(rows, 1), "outages"),
                        json_pack("{s:I, s:I, s:s}", "from_usec", (json_int_t) (4 * HOUR), "to_usec",
                                        (json_int_t) (4 * HOUR + USEC_PER_MINUTE), "why", "no beat"));
        (void) json_array_append_new(rows, tenure("b", "<alpha> & \x1b[2J", 7, 1 * HOUR, 2 * HOUR, WHY_DONE));
        return rows;
}

static void a_gap_lasts_until_the_next_tenure_or_until_now(void **state) {
        json_t *rows = story();
        usec_t from, to;

        assert_true(history_lines_gap(json_array_get(rows, 0), json_array_get(rows, 1), &from, &to));
        assert_int_equal(from, 2 * HOUR);
        assert_int_equal(to, 3 * HOUR);
        assert_true(history_lines_gap(json_array_get(rows, 1), NULL, &from, &to));
        assert_int_equal(from, 6 * HOUR);
        assert_true(to > 6 * HOUR);
        json_decref(rows);
}

static void what_is_done_or_is_held_or_went_on_at_once_is_not_down(void **state) {
        json_t *rows = story(), *held = tenure("a", "alpha", 3, 6 * HOUR, 0, WHY_NONE),
               *next = tenure("a", "beta", 3, 6 * HOUR, 7 * HOUR, WHY_NONE);
        usec_t from, to;

        (void) json_object_set_new(held, "standing", json_string("held"));
        assert_false(history_lines_gap(json_array_get(rows, 2), NULL, &from, &to));
        assert_false(history_lines_gap(held, NULL, &from, &to));
        assert_false(history_lines_gap(json_array_get(rows, 1), next, &from, &to));
        json_decref(next);
        json_decref(held);
        json_decref(rows);
}

static void each_machine_has_a_lane_and_what_was_down_has_one(void **state) {
        json_t *rows = story();
        PictureLanes lanes;

        assert_int_equal(picture_lanes_read(rows, 0, &lanes), 2);
        assert_string_equal(lanes.lease, "a");
        assert_int_equal(lanes.n_names, 2);
        assert_int_equal(lanes.from, 1 * HOUR);
        assert_true(picture_lanes_overlap(&lanes, 0, 1 * HOUR, 1 * HOUR + 1));
        assert_false(picture_lanes_overlap(&lanes, 0, 2 * HOUR, 100 * HOUR));
        assert_true(picture_lanes_overlap(&lanes, 1, 3 * HOUR, 4 * HOUR));
        assert_false(picture_lanes_overlap(&lanes, 1, 4 * HOUR, 4 * HOUR + USEC_PER_MINUTE));
        assert_true(picture_lanes_overlap(&lanes, 1, 5 * HOUR, 6 * HOUR));
        assert_true(picture_lanes_overlap(&lanes, 2, 2 * HOUR, 2 * HOUR + 1));
        assert_true(picture_lanes_overlap(&lanes, 2, 4 * HOUR, 4 * HOUR + 1));
        assert_false(picture_lanes_overlap(&lanes, 2, 5 * HOUR, 6 * HOUR));
        assert_true(picture_lanes_overlap(&lanes, 2, 6 * HOUR, 7 * HOUR));
        for (size_t i = 0; i < lanes.n_spans; i++) /* no time is in two lanes */
                for (size_t lane = 0; lane <= lanes.n_names; lane++)
                        assert_true(lane == lanes.spans[i].lane ||
                                        !picture_lanes_overlap(&lanes, lane, lanes.spans[i].from, lanes.spans[i].to));
        picture_lanes_done(&lanes);
        assert_int_equal(picture_lanes_read(rows, 2, &lanes), 1);
        assert_int_equal(lanes.n_spans, 1);
        picture_lanes_done(&lanes);
        json_decref(rows);
}

static size_t count(const char *text, const char *what) {
        size_t n = 0;

        for (; (text = strstr(text, what)); text += strlen(what))
                n++;
        return n;
}

static void a_file_has_each_span_and_no_text_of_others_as_it_was(void **state) {
        char path[] = "/tmp/test-ctl-history-XXXXXX";
        int fd = mkstemp(path);
        _cleanup_free_ char *text = NULL;
        json_t *rows = story();
        size_t size;

        assert_true(fd >= 0);
        assert_int_equal(picture_write(rows, path, "Of <beta> nothing"), 0);
        (void) close(fd);
        assert_true(read_file(path, 1 << 20, &text, &size) >= 0);
        (void) unlink(path);
        assert_int_equal(count(text, "class=\"held\""), 4); /* beta's tenure is two, around the outage */
        assert_int_equal(count(text, "class=\"down\""), 3);
        assert_non_null(strstr(text, "&lt;alpha&gt; &amp; \\x1b[2J"));
        assert_non_null(strstr(text, ">Of &lt;beta&gt; nothing</text>"));
        assert_null(strchr(text, '\x1b'));
        assert_non_null(strstr(text, "</svg>\n"));
        json_decref(rows);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_gap_lasts_until_the_next_tenure_or_until_now),
                cmocka_unit_test(what_is_done_or_is_held_or_went_on_at_once_is_not_down),
                cmocka_unit_test(each_machine_has_a_lane_and_what_was_down_has_one),
                cmocka_unit_test(a_file_has_each_span_and_no_text_of_others_as_it_was),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
