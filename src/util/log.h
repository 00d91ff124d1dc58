/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Log lines on stderr, for which nobody waits (util/words.h): a line that cannot be written is counted, and the number
 * is told later. Under systemd a line begins with its level as "<N>", which journald takes off; elsewhere a line is
 * plain. Whatever text of others a line has, it stays one line that can be shown (util/text.h).
 *
 * A failure is logged once: if a function logs its failures, its callers do not log them again.
 */

#include <errno.h>
#include <stdarg.h>
#include <syslog.h>

#include "util/macros.h"

/* To be called once, at start. Looks at stderr, and takes the least important level that is written from the
 * environment variable LEASED_LOG_LEVEL (a name such as "debug", or a number from 0 to 7); the default is LOG_INFO. */
void log_open(void);

/* Logs one line, cut at 2047 bytes; if error is not 0, ": " and the error's text follow. error: an errno, positive or
 * negative. Returns -abs(error), so that a function can end with `return log_error_errno(r, …)`. Keeps errno. */
int log_full(int level, int error, const char *format, ...) _printf_(3, 4);

/* Whether stderr is the journal and the log level lets a line of this level through. */
bool log_reaches_journal(int level);

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
