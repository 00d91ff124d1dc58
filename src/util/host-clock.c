/* SPDX-License-Identifier: Apache-2.0 */
#include "util/host-clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#if defined(__i386__) || defined(__x86_64__)
#include <cpuid.h>
#endif

#include "util/file-util.h"

#define PTP_MAX 8 /* PTP clocks that are looked at */
/* A clock that shows more is wrong, and readings are subtracted from one another. */
#define SECONDS_MAX (USEC_INFINITY / 8 / USEC_PER_SEC)

bool host_clock_may_be_paused(void) {
#if defined(__i386__) || defined(__x86_64__)
        unsigned a, b, c, d;

        return !__get_cpuid(1, &a, &b, &c, &d) || c & 1u << 31; /* set by hypervisors, never by a processor */
#else
        return true;
#endif
}

typedef struct Known {
        const char *name; /* the file with the clock's name begins with this */
        HostClockKind kind;
} Known;

/* Gives the kind of the clock that the file names, or HOST_CLOCK_NONE. */
static HostClockKind kind_of(const char *path, const Known *known, size_t n) {
        _cleanup_free_ char *text = NULL;

        if (read_file(path, 256, &text, NULL) < 0)
                return HOST_CLOCK_NONE;
        for (size_t i = 0; i < n; i++)
                if (startswith(text, known[i].name))
                        return known[i].kind;
        return HOST_CLOCK_NONE;
}

/* Opens the file if it is of a known kind and its clock can be read. Returns whether this is so. */
static bool use(HostClock *c, HostClockKind kind, const char *path) {
        HostReading r;

        if (kind == HOST_CLOCK_NONE)
                return false;
        *c = (HostClock){ .kind = kind, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) };
        if (c->fd >= 0 && host_clock_read(c, &r) == 0)
                return true;
        host_clock_close(c);
        return false;
}

void host_clock_open(const char *root, HostClock *ret) {
        /* A PTP clock of a network card tells the time of its network, and not that of the host. */
        static const Known hosts[] = { { "KVM virtual PTP", HOST_CLOCK_PTP }, { "hyperv", HOST_CLOCK_PTP },
                { "vmclock", HOST_CLOCK_VMCLOCK } };
        /* Other RTCs are slow (I2C), or are no part of a virtual machine. */
        static const Known rtcs[] = { { "rtc_cmos", HOST_CLOCK_RTC }, { "rtc-pl031", HOST_CLOCK_RTC } };
        char name[256], path[256];

        for (unsigned i = 0; i < PTP_MAX; i++) {
                (void) snprintf(name, sizeof(name), "%s/sys/class/ptp/ptp%u/clock_name", root, i);
                (void) snprintf(path, sizeof(path), "%s/dev/ptp%u", root, i);
                if (use(ret, kind_of(name, hosts, ELEMENTSOF(hosts)), path))
                        return;
        }
        (void) snprintf(name, sizeof(name), "%s/sys/class/rtc/rtc0/name", root);
        (void) snprintf(path, sizeof(path), "%s/sys/class/rtc/rtc0/since_epoch", root);
        if (!use(ret, kind_of(name, rtcs, ELEMENTSOF(rtcs)), path))
                *ret = (HostClock){ .kind = HOST_CLOCK_NONE, .fd = -1 };
}

void host_clock_close(HostClock *c) {
        if (c->fd >= 0)
                (void) close(c->fd);
        *c = (HostClock){ .kind = HOST_CLOCK_NONE, .fd = -1 };
}

static int read_ptp(int fd, usec_t *ret) {
        struct timespec t;

        /* The number by which the kernel knows the clock of an open device (clock_gettime(2)). */
        if (clock_gettime((clockid_t) (~(unsigned) fd << 3 | 3), &t) < 0)
                return -errno;
        if (t.tv_sec < 0 || (usec_t) t.tv_sec > SECONDS_MAX)
                return -EBADMSG;
        *ret = (usec_t) t.tv_sec * USEC_PER_SEC + (usec_t) t.tv_nsec / 1000;
        return 0;
}

static int read_rtc(int fd, usec_t *ret) {
        char text[32], *end;
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
        unsigned long long seconds;

        if (n < 0)
                return -errno;
        text[n] = '\0';
        seconds = strtoull(text, &end, 10);
        if (end == text || *end != '\n' || *text == '-' || seconds > SECONDS_MAX)
                return -EBADMSG;
        *ret = (usec_t) seconds * USEC_PER_SEC;
        return 0;
}

int host_clock_read(const HostClock *c, HostReading *ret) {
        int r;

        *ret = (HostReading){ .before = now_boottime() };
        r = c->kind == HOST_CLOCK_RTC ? read_rtc(c->fd, &ret->from) : read_ptp(c->fd, &ret->from);
        ret->after = now_boottime();
        ret->to = ret->from + (c->kind == HOST_CLOCK_RTC ? USEC_PER_SEC : 1);
        return r;
}

const char *host_clock_name(HostClockKind kind) {
        static const char *const names[] = {
                [HOST_CLOCK_NONE] = "none",
                [HOST_CLOCK_RTC] = "the CMOS clock (/sys/class/rtc/rtc0)",
                [HOST_CLOCK_PTP] = "the hypervisor's PTP clock",
                [HOST_CLOCK_VMCLOCK] = "the hypervisor's vmclock",
        };

        return names[kind];
}
