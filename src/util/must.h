/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * must() checks what the code takes for granted, in every build: unlike assert(), it stays in force with NDEBUG and
 * b_ndebug=true. It stands where going on with a wrong value could let a unit run twice. A daemon that has died is
 * safe, since the guard keeps the deadlines; a guard that has died is safe, since PID 1 stops the units that are bound
 * to it.
 *
 * must() is only for what this program itself has made sure of. What the registry, PID 1, a file or a peer says may be
 * anything, and is handled as such.
 */

/* Ends the process by SIGABRT unless the expression is true. The expression and its place are written to stderr, if
 * that is possible without waiting. */
#define must(expr)                                                                                                    \
        do {                                                                                                          \
                if (__builtin_expect(!(expr), 0))                                                                     \
                        must_fail(#expr, __FILE__, __LINE__);                                                         \
        } while (0)

/* What must() calls when its expression is false. Does not return. */
_Noreturn void must_fail(const char *expr, const char *file, int line);
