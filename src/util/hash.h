/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* uthash as the project uses it: running out of memory aborts (systemd restarts us, the guard keeps the time). */

#include <stdlib.h>

#define uthash_fatal(msg) abort()
#include <uthash.h>
