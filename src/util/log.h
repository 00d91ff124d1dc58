/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Log lines on stderr, for which nobody waits (util/words.h): a line that cannot be written is counted, and the number
 * is told later. Under systemd a line carries the journal's <N> level prefix; on a terminal it is plain. Whatever text
 * of others is in it, a line stays one line that can be shown (util/text.h). Every function of this project either
 * logs its failure or returns it, never both.
 */

#include <errno.h>
#include <stdarg.h>
#include <syslog.h>

#include "util/macros.h"

/* Looks at stderr and at the environment's LEASED_LOG_LEVEL= (a name such as "debug", or a number): less important
 * lines are dropped, by default those below LOG_INFO. */
void log_open(void);

/* Logs one line; with an error other than 0, ": " and its text follow. error may be positive or negative. Returns
 * -abs(error), so that `return log_error_errno(r, …)` works. errno is left alone. */
int log_full(int level, int error, const char *format, ...) _printf_(3, 4);

#define log_debug(...) ((void) log_full(LOG_DEBUG, 0, __VA_ARGS__))
#define log_info(...) ((void) log_full(LOG_INFO, 0, __VA_ARGS__))
#define log_notice(...) ((void) log_full(LOG_NOTICE, 0, __VA_ARGS__))
#define log_warning(...) ((void) log_full(LOG_WARNING, 0, __VA_ARGS__))
#define log_error(...) ((void) log_full(LOG_ERR, 0, __VA_ARGS__))
#define log_alert(...) ((void) log_full(LOG_ALERT, 0, __VA_ARGS__))
#define log_debug_errno(e, ...) log_full(LOG_DEBUG, e, __VA_ARGS__)
#define log_warning_errno(e, ...) log_full(LOG_WARNING, e, __VA_ARGS__)
#define log_error_errno(e, ...) log_full(LOG_ERR, e, __VA_ARGS__)
#define log_oom() log_full(LOG_ERR, ENOMEM, "out of memory")
