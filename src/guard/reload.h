/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* "systemctl reload leased-guard": ExecReload= runs the program that is installed, and this asks the guard that runs
 * to hand over to it (hand-over.h). */

#include <sys/types.h>

/* Asks the guard of this process id to hand over to the program that runs this function, and waits for this a few
 * seconds. Returns 0, or a negative errno, which is logged. */
int reload_guard(pid_t guard);
