/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core looks only at the units and leases to which something has happened. Beside each daemon's core there is a
 * shadow, a core that is told the same and looks at all of them in every step. Both must ask for the very same
 * actions and for the same next deadline, so a unit or lease that was overlooked fails the run.
 */

/* Where only the promises are checked, there is none. */
void shadow_begin(World *w, Machine *m, const CoreConfig *config);
/* Plays the step that the machine's core has just made. */
void shadow_step(World *w, Machine *m, Now now, const Event *event);
void shadow_end(Machine *m);
