/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Two ends of one connection of sd-bus within a program that plays the bus itself. The file that includes this has a
 * World w with an event loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "util/time-util.h"

static void turn_loop_for(sd_event *event, usec_t span) {
        for (usec_t end = usec_add(now_boottime(), span); now_boottime() < end;)
                assert_true(sd_event_run(event, 10 * USEC_PER_MSEC) >= 0);
}

#define turn_for(w, span) turn_loop_for((w)->event, span)

#define turn_until(condition)                                                                                         \
        for (usec_t _end = usec_add(now_boottime(), 10 * USEC_PER_SEC); !(condition); turn_for(w, USEC_PER_MSEC))     \
        assert_true(now_boottime() < _end)

static sd_bus *played_bus_end(sd_event *event, int fd, bool server) {
        sd_id128_t id = {};
        sd_bus *bus;

        assert_int_equal(sd_bus_new(&bus), 0);
        assert_true(sd_bus_set_fd(bus, fd, fd) >= 0);
        assert_true(!server || sd_bus_set_server(bus, true, id) >= 0);
        assert_true(sd_bus_start(bus) >= 0);
        assert_true(sd_bus_attach_event(bus, event, 0) >= 0);
        return bus;
}

/* Makes both ends: theirs is that of the bus, ours that of the program under test. */
static void played_bus_new(sd_event *event, sd_bus **ret_theirs, sd_bus **ret_ours) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        *ret_theirs = played_bus_end(event, fds[0], true);
        *ret_ours = played_bus_end(event, fds[1], false);
}
