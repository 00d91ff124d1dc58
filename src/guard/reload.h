/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What "systemctl reload leased-guard" does. ExecReload= runs the program that is installed now, and this program asks
 * the guard that runs to hand over to it (hand-over.h). */

#include <sys/types.h>

/* Environment variable of a guard that has taken the place of another one: when that was (CLOCK_BOOTTIME). */
#define HANDED_OVER_AT "LEASED_HANDED_OVER_AT"

/* Asks the guard with this process id to hand over to the program that calls this function, and waits up to 5 s for
 * it, but not for a guard that runs this very program already. Returns 0, or a negative errno, which is logged:
 * -EOPNOTSUPP if the guard knows no hand-over, -ETIMEDOUT if it has not handed over in time. */
int reload_guard(pid_t guard);
