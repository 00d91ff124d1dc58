/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the code takes for granted, looked at in every build: NDEBUG and b_ndebug=true leave it in force, unlike
 * assert(). For the core and the guard's entries, where going on with a wrong value could let a unit run twice. A
 * daemon that has died is safe, for the guard keeps the time; a guard that has died is safe, for PID 1 stops what is
 * bound to it.
 *
 * Only for what this program has itself seen to. What the registry, PID 1, a file or a peer says may be anything, and
 * is handled.
 */

/* Ends the process by SIGABRT unless the expression is true; says which one, and where, on stderr, as far as that
 * takes words at once. */
#define must(expr)                                                                                                    \
        do {                                                                                                          \
                if (__builtin_expect(!(expr), 0))                                                                     \
                        must_fail(#expr, __FILE__, __LINE__);                                                         \
        } while (0)

void must_fail(const char *expr, const char *file, int line);
