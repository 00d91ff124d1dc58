/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A wall clock that is wrong: preloaded, it adds what /run/wall-clock says (seconds) to CLOCK_REALTIME, at each look.
 * All guests have the kernel's one clock, and a time namespace has none of its own, so the programs are deceived
 * instead.
 */

#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>
#include <stdlib.h>

static long offset(void) {
        char text[32] = "";
        int fd = open("/run/wall-clock", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return 0;
        if (read(fd, text, sizeof(text) - 1) < 0)
                text[0] = '\0';
        (void) close(fd);
        return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *ret) {
        int r = (int) syscall(SYS_clock_gettime, clock, ret);

        if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
                ret->tv_sec += offset();
        return r;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone) {
        struct timespec t;

        (void) zone;
        (void) clock_gettime(CLOCK_REALTIME, &t);
        *ret = (struct timeval){ .tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000 };
        return 0;
}

time_t time(time_t *ret) {
        struct timespec t;

        (void) clock_gettime(CLOCK_REALTIME, &t);
        if (ret)
                *ret = t.tv_sec;
        return t.tv_sec;
}
