/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The trace (trace.c). Included by sim.h only. */

#include "sim.h"

void trace_init(World *w);
void trace_done(World *w);
void trace_line(World *w, const Machine *m, const char *format, ...) _printf_(3, 4);
void trace_step(World *w, const Machine *m, const Event *e);
void trace_action(World *w, const Machine *m, const Action *a);
void world_print_trace(const World *w);

#define TRACE(w, m, ...)                                                                                              \
        do {                                                                                                          \
                if (__builtin_expect((w)->trace != NULL, 0))                                                          \
                        trace_line((w), (m), __VA_ARGS__);                                                            \
        } while (0)
