/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guard leaves in files, as leased-address and a later guard read it, an address on the command line, and the
 * clocks of a host: the first byte says which of them the rest is. What is taken is written again as it was, an
 * address never outlives kill_at, and a clock never makes a deadline later.
 */
#include <inttypes.h>

#include "address/address.h"
#include "address/life.h"
#include "fuzz.h"
#include "guard/gate.h"
#include "guard/pause.h"

static void check_mark(const char *text, size_t size) {
        char again[128];
        usec_t t0;
        Mark m;

        if (beat_decode(text, size, &t0)) {
                (void) snprintf(again, sizeof(again), "%020" PRIu64 "\n", t0);
                must(strlen(again) == size && memcmp(again, text, size) == 0);
        }
        if (!mark_decode(text, size, &m))
                return;
        must(!m.ended || m.kill_at != USEC_INFINITY || text[size - 2] == '1');
        (void) snprintf(again, sizeof(again), "%020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %c\n", m.index, m.kill_at,
                        m.kill_offset, text[size - 2]);
        must(strlen(again) == size && memcmp(again, text, size) == 0);
}

/* The beat, a line, and the mark. */
static void check_life(Input *in) {
        _cleanup_free_ char *beat = NULL, *mark = NULL;
        size_t beat_size, mark_size;
        uint64_t index = input_number(in, 1);
        usec_t now = input_number(in, 6), latest = 0;
        Life life = {};
        unsigned seconds;

        beat = input_text(in, '#', &beat_size);
        mark = input_text(in, '#', &mark_size);
        fuzz_write("/guard.beat", beat, beat_size);
        fuzz_write("/guard/web.service", mark, mark_size);
        if (life_read(fuzz_folder(), "web.service", index, &life) < 0)
                return;
        seconds = life_seconds(life.kill_at, now, &latest);
        if (seconds > 0)
                must(latest >= now && latest + seconds * USEC_PER_SEC + LIFE_LATE <= life.kill_at);
        (void) life_suffices(life.kill_offset);
}

static void check_address(const char *text) {
        char again[ADDRESS_TEXT_SIZE];
        Address a, b;

        if (address_parse(text, &a) < 0)
                return;
        must(address_parse(address_text(&a, again), &b) == 0);
        must(streq(a.interface, b.interface) && a.family == b.family && a.size == b.size && a.prefix == b.prefix);
        must(memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0 && a.prefix <= 8 * a.size);
}

/* Texts of /sys/class/rtc, one reading each. */
static void check_host_clock(Input *in) {
        PauseWatch watch = {};
        HostReading reading;
        HostClock clock;

        fuzz_write("/sys/class/rtc/rtc0/name", "rtc_cmos\n", strlen("rtc_cmos\n"));
        while (in->size > 0) {
                _cleanup_free_ char *text = NULL;
                usec_t jump, before = input_number(in, 6);
                size_t size;

                text = input_text(in, '#', &size);
                fuzz_write("/sys/class/rtc/rtc0/since_epoch", text, size);
                host_clock_open(fuzz_folder(), &clock);
                if (clock.kind == HOST_CLOCK_NONE)
                        continue;
                if (host_clock_read(&clock, &reading) == 0) {
                        reading.before = MAX(before, watch.at);
                        reading.after = reading.before + input_number(in, 2);
                        jump = pause_take(&watch, &reading);
                        must(watch.known && watch.low <= watch.high && watch.at == reading.after);
                        must(jump == 0 || watch.jump >= jump);
                        must(pause_since(&watch, reading.after + 1) == 0);
                }
                host_clock_close(&clock);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Input in = { data, size };
        uint8_t which = input_byte(&in);
        _cleanup_free_ char *text = NULL;
        size_t length;

        if (which == 'l') {
                check_life(&in);
        } else if (which == 'h') {
                check_host_clock(&in);
        } else {
                text = input_text(&in, 0, &length);
                if (which == 'a')
                        check_address(text);
                else
                        check_mark(text, length);
        }
        return 0;
}
