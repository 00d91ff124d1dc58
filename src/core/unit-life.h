/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The changes of a unit's life (UnitLife). No other file writes u->life; when a change is due, life.c, global.c,
 * leave.c and phase.c decide. */

#include "core/state.h"

/* A new unit is idle since now. */
void unit_life_begin(const Core *c, Unit *u);
/* Enters a phase. Only phase_enter() calls this, which checks that the phase may follow. */
void unit_life_enter(const Core *c, Unit *u, Phase phase);

/* Takes an Index in hand: what is done for the unit from now on is done at this Index. None may be in hand yet. */
void unit_life_take(Unit *u, uint64_t index);
/* Notes where the run comes from. */
void unit_life_set_origin(Unit *u, Origin origin);
/* Notes whether the one start of a unit that runs once was asked for. */
void unit_life_set_spent(Unit *u, bool spent);
/* Notes whether the guard was told to kill the unit before its time. */
void unit_life_set_killed(Unit *u, bool killed);
/* Notes why no guard kept the unit's time. */
void unit_life_lose_guard(Unit *u, Why why);
/* Lets the unit go for this reason, or for a graver one than before. */
void unit_life_set_leave(Unit *u, Leave leave);
/* Notes that the run ends for want of a beat: last is when the last beat that covered it was sent (CLOCK_BOOTTIME). 0:
 * forgets this, since all of it was reported. */
void unit_life_miss_beat(Unit *u, usec_t last);
/* Notes that the unit rests, or rests no more. */
void unit_life_set_rest(Unit *u, Rest rest);
/* The unit rests because of another one, until then at the longest. */
void unit_life_put_aside(Unit *u, usec_t until);
/* Notes why its gate is missing (WHY_NONE: it is not). Returns true where that is news. */
bool unit_life_miss_gate(Unit *u, Why why);
/* Notes the timeline that the guard is told in the request with that id. */
void unit_life_arm(Unit *u, const Timeline *t, uint64_t id);
/* The machine was paused: beats that were sent at from or before count no more (law 14). */
void unit_life_jump(Unit *u, usec_t from);
/* Another guard is connected, so it is not known whether the last timeline was taken: the guard is told again. */
void unit_life_tell_anew(Unit *u);
/* Nothing is in hand any more: the tenure is over. After LEAVE_EXPIRED or LEAVE_ANEW, the unit goes on as it was as
 * soon as it can. */
void unit_life_end(Unit *u);

/* A start is about to be asked for: whatever run PID 1 reports now is an earlier one. */
void unit_life_begin_start(Unit *u);
/* Notes the run that PID 1 reports as one that is over and was dealt with. */
void unit_life_note_run(Unit *u);
/* Notes that the unit runs at the Index in hand. Returns whether that was known. */
bool unit_life_has_run(Unit *u);
/* Nobody answered the start that was asked for last, so it is not counted. (The one start of a command of leasectl run
 * is: it may have been carried out, and is not made again.) */
void unit_life_lose_start(Unit *u);
/* Counts the last start, which led to nothing; returns how many such there were in a row. */
unsigned unit_life_count_start(Unit *u);
void unit_life_forget_starts(Unit *u);
/* The same of starts after the unit was put aside. */
unsigned unit_life_count_aside(Unit *u);
void unit_life_forget_asides(Unit *u);

/* Sets when PID 1 or the guard is asked again for what it has not done by then. */
void unit_life_ask_at(Unit *u, usec_t at);
/* The same, as a pause from now. */
void unit_life_ask_after(const Core *c, Unit *u, usec_t pause);
/* Whether it is time to ask again: true once in each pause. */
bool unit_life_asks_again(const Core *c, Unit *u, usec_t pause);
/* Sets when what is left of an inactive unit may be stopped again. */
void unit_life_stop_again_after(const Core *c, Unit *u, usec_t pause);
