/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A stand-in for the PTP clocks of the kernel: any open file may be the device of one, and all show the same. */

#include "util/time-util.h"

extern usec_t ptp_shows; /* the time of the host */
extern int ptp_error;    /* what reading fails with; 0: it does not */
extern unsigned ptp_odd; /* so many next answers are a year too late */
