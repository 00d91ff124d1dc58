/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A clock of the machine's host, which goes on while a virtual machine is paused: the machine's own CLOCK_BOOTTIME
 * stands still meanwhile. It is a PTP clock of the hypervisor if there is one, and otherwise the CMOS clock at its
 * grain of one second. The CMOS clock is read through /sys, since /dev/rtc0 can be opened by one process at a time and
 * belongs to hwclock.
 */

#include "util/macros.h"
#include "util/time-util.h"

typedef enum HostClockKind {
        HOST_CLOCK_NONE,
        HOST_CLOCK_RTC,
        HOST_CLOCK_PTP,     /* of KVM or Hyper-V */
        HOST_CLOCK_VMCLOCK, /* the same, of a vmclock device */
} HostClockKind;

typedef struct HostClock {
        HostClockKind kind;
        int fd; /* owned; -1 with HOST_CLOCK_NONE */
} HostClock;

/* What the clock of the host showed between two moments. */
typedef struct HostReading {
        usec_t before, after; /* CLOCK_BOOTTIME */
        usec_t from, to;      /* the clock of the host was within these two */
} HostReading;

/* Whether this machine is a virtual one. Also true where that is not known. */
bool host_clock_may_be_paused(void);
/* Looks for a clock of the host below root, which is "" but in tests. Gives HOST_CLOCK_NONE if there is none that can
 * be read. The caller closes *ret with host_clock_close(). */
void host_clock_open(const char *root, HostClock *ret);
void host_clock_close(HostClock *c);
/* Reads the clock, of a kind other than HOST_CLOCK_NONE. Takes some microseconds, and up to 10 ms while a CMOS clock
 * is about to move on. Returns 0 or a negative errno, which is not logged: -ENODEV, for one, if the device has gone
 * away. */
int host_clock_read(const HostClock *c, HostReading *ret);
/* Gives the clock's name for people. */
const char *host_clock_name(HostClockKind kind);
