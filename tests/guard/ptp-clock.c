/* SPDX-License-Identifier: Apache-2.0 */
#include "ptp-clock.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CLOCK_OF_A_FILE = 3 }; /* the lowest three bits of such a clock's number */

usec_t ptp_shows;
int ptp_error;
unsigned ptp_odd;

/* Takes the place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *ret) {
        if ((id & 7) != CLOCK_OF_A_FILE)
                return (int) syscall(SYS_clock_gettime, id, ret);
        if (ptp_error) {
                errno = ptp_error;
                return -1;
        }
        *ret = (struct timespec){ .tv_sec = (time_t) (ptp_shows / USEC_PER_SEC) + (ptp_odd > 0 ? 366 * 86400 : 0),
                .tv_nsec = (long) (ptp_shows % USEC_PER_SEC * 1000) };
        ptp_odd -= ptp_odd > 0;
        return 0;
}
