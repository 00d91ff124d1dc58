/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/picture.h"

#include <inttypes.h>
#include <stdio.h>

#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/picture-lanes.h"
#include "ctl/stamp.h"
#include "util/file-util.h"
#include "util/text.h"

static const char *lane_name(const PictureLanes *lanes, size_t lane) {
        return lane < lanes->n_names ? lanes->names[lane] : "down";
}

/* ---- in block characters ---- */

enum {
        NAME_COLUMNS_MAX = 20, /* longer names are cut */
};

static size_t names_width(const PictureLanes *lanes) {
        size_t width = 0;

        for (size_t lane = 0; lane <= lanes->n_names; lane++)
                width = MAX(width, output_columns(lane_name(lanes, lane)));
        return MIN(width, (size_t) NAME_COLUMNS_MAX);
}

/* Writes the cells of a lane into buf, up to the last one that is filled. A cell is filled if a span reaches into it.
 */
static void draw_lane(const PictureLanes *lanes, size_t lane, size_t cells, char *buf) {
        const char *block = lane < lanes->n_names ? "█" : "▒";
        usec_t span = lanes->to - lanes->from;
        char *end = buf;

        for (size_t i = 0; i < cells; i++) {
                bool filled;
                usec_t from = lanes->from + span / cells * i, to = lanes->from + span / cells * (i + 1);

                if (i + 1 == cells)
                        to = lanes->to;
                filled = picture_lanes_overlap(lanes, lane, from, to);
                buf = stpcpy(buf, filled ? block : " ");
                if (filled)
                        end = buf;
        }
        *end = '\0';
}

static void print_lanes(const PictureLanes *lanes) {
        size_t width = names_width(lanes), room = say_columns(), cells = room - MIN(room - 10, width + 4);
        _cleanup_free_ char *buf = malloc(4 * cells + 1);
        char from[32], to[32], span[32], name[256];

        if (!buf)
                return;
        say_wrapped(2, "%s%s%s, %s", colour_on(COLOUR_BOLD), lanes->lease, colour_off(),
                        format_span(span, sizeof(span), lanes->to - lanes->from));
        for (size_t lane = 0; lane <= lanes->n_names; lane++) {
                bool down = lane == lanes->n_names;

                if (down && !picture_lanes_overlap(lanes, lane, lanes->from, lanes->to))
                        continue;
                draw_lane(lanes, lane, cells, buf);
                say("  %s  %s%s%s", output_fit(name, sizeof(name), lane_name(lanes, lane), width),
                                colour_on(down ? COLOUR_RED : COLOUR_GREEN), buf, colour_off());
        }
        (void) stamp_format(from, sizeof(from), lanes->from);
        (void) stamp_format(to, sizeof(to), lanes->to);
        say("  %*s  %s%*s", (int) width, "", from, (int) (cells - MIN(cells, strlen(from))), to);
}

void picture_print(const json_t *rows) {
        PictureLanes lanes;

        for (size_t i = 0; i < json_array_size(rows);) {
                i += picture_lanes_read(rows, i, &lanes);
                if (lanes.n_spans > 0)
                        print_lanes(&lanes);
                picture_lanes_done(&lanes);
        }
}

/* ---- as SVG ---- */

enum {
        LANE_HEIGHT = 22,
        LANE_LEFT = 170,
        LANE_WIDTH = 800,
        HEAD_HEIGHT = 30, /* the name of the lease */
        FOOT_HEIGHT = 40, /* the times */
        NOTE_HEIGHT = 30,
        TICKS = 4,
};

/* Writes text of others as text of XML. */
static void put_text(FILE *file, const char *text) {
        char clean[1024];

        for (const char *c = text_clean(clean, sizeof(clean), text); *c; c++)
                switch (*c) {
                case '&':
                        (void) fputs("&amp;", file);
                        break;
                case '<':
                        (void) fputs("&lt;", file);
                        break;
                case '>':
                        (void) fputs("&gt;", file);
                        break;
                default:
                        (void) fputc(*c, file);
                }
}

static void put_label(FILE *file, int x, int y, const char *style, const char *text) {
        (void) fprintf(file, "<text x=\"%d\" y=\"%d\" %s>", x, y, style);
        put_text(file, text);
        (void) fputs("</text>\n", file);
}

/* Gives where a time is in the lanes, in tenths of a unit of the picture. */
static int place_of(const PictureLanes *lanes, usec_t at) {
        double span = (double) (lanes->to - lanes->from);

        return LANE_LEFT * 10 + (int) ((double) (at - lanes->from) / span * LANE_WIDTH * 10);
}

/* A span is at least one unit wide, so that a short one is seen. What it stands for is told where the pointer rests.
 */
static void put_span(FILE *file, const PictureLanes *lanes, const PictureSpan *s, int top) {
        int left = place_of(lanes, s->from), width = MAX(place_of(lanes, s->to) - left, 10);
        bool down = s->lane == lanes->n_names;
        char from[32], to[32], span[32], text[512];

        (void) snprintf(text, sizeof(text), "%s, Index %" JSON_INTEGER_FORMAT ": %s to %s, %s%s%s",
                        lane_name(lanes, s->lane), get_integer(s->row, "index"),
                        stamp_format(from, sizeof(from), s->from), stamp_format(to, sizeof(to), s->to),
                        format_span(span, sizeof(span), s->to - s->from), *get_string(s->row, "why") ? ", " : "",
                        get_string(s->row, "why"));
        (void) fprintf(file,
                        "<rect class=\"%s\" x=\"%d.%d\" y=\"%d\" width=\"%d.%d\" height=\"%d\" fill=\"%s\"><title>",
                        down ? "down" : "held", left / 10, left % 10, top + (int) s->lane * LANE_HEIGHT + 2,
                        width / 10, width % 10, LANE_HEIGHT - 4, down ? "#c62828" : "#2e7d32");
        put_text(file, text);
        (void) fputs("</title></rect>\n", file);
}

/* Writes the picture of one lease, and returns how high it is. */
static int put_lanes(FILE *file, const PictureLanes *lanes, int top) {
        int lanes_top = top + HEAD_HEIGHT, bottom = lanes_top + (int) (lanes->n_names + 1) * LANE_HEIGHT;

        put_label(file, 10, top + 20, "font-weight=\"bold\"", lanes->lease);
        for (size_t lane = 0; lane <= lanes->n_names; lane++)
                put_label(file, 10, lanes_top + (int) lane * LANE_HEIGHT + 16, "", lane_name(lanes, lane));
        for (size_t i = 0; i < lanes->n_spans; i++)
                put_span(file, lanes, lanes->spans + i, lanes_top);
        for (unsigned i = 0; i <= TICKS; i++) {
                usec_t at = lanes->from + (lanes->to - lanes->from) / TICKS * i;
                int x = LANE_LEFT + LANE_WIDTH / TICKS * (int) i;
                char stamp[32];

                (void) fprintf(file, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#999\"/>\n", x, lanes_top,
                                x, bottom + 4);
                put_label(file, x, bottom + 18, "text-anchor=\"middle\" font-size=\"11\"",
                                stamp_format(stamp, sizeof(stamp), at));
        }
        return bottom + FOOT_HEIGHT - top;
}

static int height_of(const json_t *rows) {
        PictureLanes lanes;
        int height = 0;

        for (size_t i = 0; i < json_array_size(rows);) {
                i += picture_lanes_read(rows, i, &lanes);
                if (lanes.n_spans > 0)
                        height += HEAD_HEIGHT + (int) (lanes.n_names + 1) * LANE_HEIGHT + FOOT_HEIGHT;
                picture_lanes_done(&lanes);
        }
        return height;
}

static void put_all(FILE *file, const json_t *rows, const char *note) {
        int top = 0;

        (void) fprintf(file,
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
                        "font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                        LANE_LEFT + LANE_WIDTH + 60, height_of(rows) + (note ? NOTE_HEIGHT : 0) + 10);
        for (size_t i = 0; i < json_array_size(rows);) {
                PictureLanes lanes;

                i += picture_lanes_read(rows, i, &lanes);
                if (lanes.n_spans > 0)
                        top += put_lanes(file, &lanes, top);
                picture_lanes_done(&lanes);
        }
        if (note)
                put_label(file, 10, top + 20, "font-size=\"11\"", note);
        (void) fputs("</svg>\n", file);
}

int picture_write(const json_t *rows, const char *path, const char *note) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);
        int r;

        if (!file)
                return ctl_fail("out of memory");
        put_all(file, rows, note);
        if (fclose(file) != 0)
                return ctl_fail("out of memory");
        r = write_file_atomic(path, text, size, 0644, 0);
        return r < 0 ? ctl_fail("%s: %s", path, strerror(-r)) : CTL_OK;
}
