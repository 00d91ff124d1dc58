/* SPDX-License-Identifier: Apache-2.0 */

/* How a pause of a virtual machine is seen by a clock of its host (pause.c), and how the clock is found and read
 * (util/host-clock.c). */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard/pause.h"
#include "guard/protocol.h"
#include "ptp-clock.h"
#include "util/file-util.h"

#define SEC USEC_PER_SEC
#define MS USEC_PER_MSEC

/* A machine whose clock is at boottime, and its host's at host. */
typedef struct Pair {
        usec_t boottime, host;
        PauseWatch watch;
} Pair;

/* Both go on, the clock of the machine at this rate. */
static void go_on(Pair *p, usec_t span, usec_t ppm) {
        p->boottime += span * ppm / 1000000;
        p->host += span;
}

static HostReading reading(const Pair *p, usec_t grain) {
        usec_t from = p->host / grain * grain;

        return (HostReading){ .before = p->boottime - 100, .after = p->boottime, .from = from, .to = from + grain };
}

static usec_t look(Pair *p, usec_t grain) {
        HostReading r = reading(p, grain);

        return pause_take(&p->watch, &r);
}

static Pair begin(usec_t phase) {
        return (Pair){ .boottime = 100 * SEC, .host = 1700000000 * SEC + phase };
}

static void clocks_that_go_on_show_no_pause(void **state) {
        static const usec_t rates[] = { 990000, 1000000, 1010000 };

        for (size_t i = 0; i < ELEMENTSOF(rates); i++)
                for (usec_t every = 7 * MS; every < 3 * SEC; every *= 5) {
                        Pair p = begin(300 * MS);

                        for (usec_t t = 0; t < 100 * SEC; t += every, go_on(&p, every, rates[i]))
                                assert_int_equal(look(&p, SEC), 0);
                }
}

/* Whatever the phase of the CMOS clock is, and however seldom it was read before. */
static void pause_of_more_than_two_seconds_is_seen_at_once_and_counted_in_full(void **state) {
        for (usec_t phase = 0; phase < SEC; phase += 37 * MS)
                for (usec_t pause = 2100 * MS; pause < 70 * SEC; pause += 1310 * MS)
                        for (usec_t looks = 1; looks < 60; looks += 29) {
                                Pair p = begin(phase);
                                usec_t jump;

                                for (usec_t i = 0; i < looks; i++, go_on(&p, 50 * MS, 1000000))
                                        assert_int_equal(look(&p, SEC), 0);
                                p.host += pause;
                                jump = look(&p, SEC);
                                assert_true(jump >= pause && jump <= pause + 2100 * MS);
                                assert_int_equal(p.watch.seen_at, p.boottime);
                                go_on(&p, 50 * MS, 1000000);
                                assert_int_equal(look(&p, SEC), 0); /* once */
                        }
}

static void shorter_pause_is_counted_in_full_if_it_is_seen(void **state) {
        for (usec_t pause = 100 * MS; pause < 2100 * MS; pause += 100 * MS) {
                Pair p = begin(pause % 370);
                usec_t jump = 0;

                for (usec_t i = 0; i < 40; i++, go_on(&p, 50 * MS, 1000000))
                        assert_int_equal(look(&p, SEC), 0);
                p.host += pause;
                for (usec_t i = 0; i < 40 && jump == 0; i++, go_on(&p, 50 * MS, 1000000))
                        jump = look(&p, SEC);
                assert_true(jump >= pause && jump <= pause + 1200 * MS);
        }
}

static void clock_without_a_grain_shows_a_short_pause(void **state) {
        Pair p = begin(0);
        usec_t jump;

        assert_int_equal(look(&p, 1), 0);
        go_on(&p, 50 * MS, 1000000);
        p.host += 30 * MS;
        jump = look(&p, 1);
        assert_true(jump >= 30 * MS && jump <= 33 * MS);
}

static void clock_that_is_set_back_is_measured_anew(void **state) {
        Pair p = begin(0);

        assert_int_equal(look(&p, SEC), 0);
        p.host -= USEC_PER_HOUR;
        assert_int_equal(look(&p, SEC), 0);
        assert_int_equal(pause_since(&p.watch, 0), 0);
        p.host += 5 * SEC;
        assert_true(look(&p, SEC) >= 5 * SEC);
}

/* As where its device fails for a while. */
static void pause_while_the_clock_could_not_be_read_is_seen_when_it_can(void **state) {
        for (usec_t silence = 100 * MS; silence < USEC_PER_MINUTE; silence *= 3) {
                Pair p = begin(silence % 997);
                usec_t jump;

                for (usec_t i = 0; i < 40; i++, go_on(&p, 50 * MS, 1000000))
                        assert_int_equal(look(&p, SEC), 0);
                go_on(&p, silence, 1000000);
                p.host += 10 * SEC;
                go_on(&p, silence, 1000000);
                jump = look(&p, SEC);
                assert_true(jump >= 10 * SEC && jump <= 12 * SEC + silence / 12);
        }
}

static void beat_from_before_a_pause_counts_from_earlier(void **state) {
        Pair p = begin(0);
        usec_t first, second;

        (void) look(&p, SEC);
        p.host += 10 * SEC;
        first = look(&p, SEC);
        assert_int_equal(pause_since(&p.watch, p.boottime), first);
        assert_int_equal(pause_since(&p.watch, p.boottime + 1), 0);
        go_on(&p, SEC, 1000000);
        (void) look(&p, SEC);
        p.host += 10 * SEC;
        second = look(&p, SEC);
        assert_int_equal(pause_since(&p.watch, p.boottime), first + second);
        for (usec_t i = 0; i < 130; i++, go_on(&p, SEC, 1000000))
                (void) look(&p, SEC);
        p.host += 10 * SEC;
        first = look(&p, SEC);
        assert_int_equal(pause_since(&p.watch, p.boottime), first); /* those of long ago count no more */
}

static void entry_says_that_its_deadlines_are_of_before_a_pause(void **state) {
        PauseWatch none = {}, seen = { .known = true, .seen_at = 5 * SEC, .jump = 20 * SEC };
        GuardEntry e = {};

        (void) guard_entry_arm(&e, 4 * SEC, 7, 11 * SEC, 13 * SEC, 7 * SEC, 9 * SEC);
        assert_int_equal(pause_flags(&seen, &e), guard_entry_flags(&e));
        guard_entry_move(&e, 20 * SEC);
        (void) guard_entry_moved(&e, 5 * SEC);
        assert_true(pause_flags(&seen, &e) & GUARD_FLAG_JUMPED);
        assert_false(pause_flags(&none, &e) & GUARD_FLAG_JUMPED);
        e = (GuardEntry){};
        (void) guard_entry_arm(&e, 6 * SEC, 7, 13 * SEC, 15 * SEC, 7 * SEC, 9 * SEC);
        (void) guard_entry_tick(&e, 14 * SEC, (Heard){});
        assert_int_equal(pause_flags(&seen, &e), guard_entry_flags(&e));
}

/* ---- the clock ---- */

static void put(const char *top, const char *name, const char *text) {
        char path[300];

        (void) snprintf(path, sizeof(path), "%s/%s", top, name);
        *strrchr(path, '/') = '\0';
        assert_true(mkdir_parents(path, 0755) >= 0);
        (void) snprintf(path, sizeof(path), "%s/%s", top, name);
        assert_true(write_file_atomic(path, text, strlen(text), 0644, 0) >= 0);
}

static void clock_is_that_of_the_host_and_no_other(void **state) {
        char top[] = "/tmp/test-pause-XXXXXX", command[64];
        HostClock c;
        HostReading r;

        assert_non_null(mkdtemp(top));
        host_clock_open(top, &c);
        assert_int_equal(c.kind, HOST_CLOCK_NONE);
        put(top, "sys/class/rtc/rtc0/name", "rtc-ds1307 1-0068\n"); /* slow, and on no virtual machine */
        put(top, "sys/class/rtc/rtc0/since_epoch", "1700000000\n");
        put(top, "sys/class/ptp/ptp0/clock_name", "ptp virtual network card\n");
        put(top, "dev/ptp0", "");
        host_clock_open(top, &c);
        assert_int_equal(c.kind, HOST_CLOCK_NONE);
        put(top, "sys/class/ptp/ptp0/clock_name", "KVM virtual PTP\n"); /* which cannot be read */
        ptp_error = EOPNOTSUPP;
        put(top, "sys/class/rtc/rtc0/name", "rtc_cmos rtc_cmos\n");
        host_clock_open(top, &c);
        assert_int_equal(c.kind, HOST_CLOCK_RTC);
        assert_int_equal(host_clock_read(&c, &r), 0);
        assert_true(r.from == 1700000000 * SEC && r.to == r.from + SEC && r.before <= r.after && r.before > 0);
        host_clock_close(&c);
        put(top, "sys/class/rtc/rtc0/since_epoch", "tomorrow\n");
        host_clock_open(top, &c);
        assert_int_equal(c.kind, HOST_CLOCK_NONE);
        ptp_error = 0;
        (void) snprintf(command, sizeof(command), "rm -r %s", top);
        assert_int_equal(system(command), 0);
}

static void clock_of_a_hypervisor_comes_before_the_cmos_clock(void **state) {
        static const struct {
                const char *name;
                HostClockKind kind;
        } clocks[] = { { "KVM virtual PTP\n", HOST_CLOCK_PTP }, { "hyperv\n", HOST_CLOCK_PTP },
                { "vmclock\n", HOST_CLOCK_VMCLOCK } };
        char top[] = "/tmp/test-pause-XXXXXX", command[64];
        HostClock c;
        HostReading r;

        assert_non_null(mkdtemp(top));
        put(top, "sys/class/rtc/rtc0/name", "rtc_cmos rtc_cmos\n");
        put(top, "sys/class/rtc/rtc0/since_epoch", "1700000000\n");
        put(top, "sys/class/ptp/ptp0/clock_name", "ptp virtual network card\n");
        put(top, "dev/ptp0", "");
        put(top, "dev/ptp1", "");
        for (size_t i = 0; i < ELEMENTSOF(clocks); i++) {
                put(top, "sys/class/ptp/ptp1/clock_name", clocks[i].name);
                ptp_shows = 1700000000 * SEC + 123456;
                host_clock_open(top, &c);
                assert_int_equal(c.kind, clocks[i].kind);
                assert_int_equal(host_clock_read(&c, &r), 0);
                assert_true(r.from == ptp_shows && r.to == r.from + 1 && r.before <= r.after && r.before > 0);
                ptp_shows -= USEC_PER_HOUR; /* what it shows is told as it is */
                assert_int_equal(host_clock_read(&c, &r), 0);
                assert_int_equal(r.from, ptp_shows);
                ptp_error = EIO;
                assert_int_equal(host_clock_read(&c, &r), -EIO);
                ptp_error = ENODEV;
                assert_int_equal(host_clock_read(&c, &r), -ENODEV);
                host_clock_close(&c);
                assert_int_equal(c.kind, HOST_CLOCK_NONE);
                host_clock_open(top, &c); /* the device is there, and cannot be read */
                assert_int_equal(c.kind, HOST_CLOCK_RTC);
                host_clock_close(&c);
                ptp_error = 0;
        }
        (void) snprintf(command, sizeof(command), "rm -r %s", top);
        assert_int_equal(system(command), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(clocks_that_go_on_show_no_pause),
                cmocka_unit_test(pause_of_more_than_two_seconds_is_seen_at_once_and_counted_in_full),
                cmocka_unit_test(shorter_pause_is_counted_in_full_if_it_is_seen),
                cmocka_unit_test(clock_without_a_grain_shows_a_short_pause),
                cmocka_unit_test(clock_that_is_set_back_is_measured_anew),
                cmocka_unit_test(pause_while_the_clock_could_not_be_read_is_seen_when_it_can),
                cmocka_unit_test(beat_from_before_a_pause_counts_from_earlier),
                cmocka_unit_test(entry_says_that_its_deadlines_are_of_before_a_pause),
                cmocka_unit_test(clock_is_that_of_the_host_and_no_other),
                cmocka_unit_test(clock_of_a_hypervisor_comes_before_the_cmos_clock),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
