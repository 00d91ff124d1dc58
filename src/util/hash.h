/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* uthash as the project uses it: where there is no memory for a table, the process aborts. That is safe: systemd
 * restarts the daemon, and the guard keeps the deadlines meanwhile. */

#include <stdlib.h>

#define uthash_fatal(msg) abort()
#include <uthash.h>
