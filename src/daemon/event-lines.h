/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What enters the core and what it asks for, as lines for a checker of the laws (util/event-log.h). Nothing is
 * written, and next to nothing is done, unless such lines are switched on. tests/laws/README.md has the words of the
 * lines. */

#include "core/event.h"

/* Writes a line about an answer of the registry, or about a unit that PID 1 calls down. at: when it came. */
void event_lines_event(const Event *e, usec_t at);

/* Writes a line about a request to the registry, the guard or PID 1. */
void event_lines_action(const Action *a);
