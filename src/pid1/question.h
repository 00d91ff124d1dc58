/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One question to PID 1 about a unit: all that leased wants to know of the unit, asked in one of two ways.
 *
 * As a whole: GetAll("") of the unit. PID 1 answers with one message, of one instant. But for a unit about which PID 1
 * was not asked since it has read its files, PID 1 then looks through all links between unit files, to tell
 * UnitFileState=: 4 ms with a thousand unit files. So a reload with a thousand units keeps PID 1 busy for seconds.
 *
 * By parts: a message for each property that is wanted, which takes PID 1 half a millisecond, and the bus about one.
 */

#include <systemd/sd-bus.h>

#include "pid1/pid1-internal.h"
#include "pid1/pid1-status.h"

/* All has been answered: question_decode() may be called. error: a negative errno instead, for the question cannot be
 * answered like this. Called once, as the last thing in a handler of the question, which may be freed. */
typedef void (*question_answered_t)(Pid1Unit *u, int error);

/* Asks. Returns 0 and a question owned by the caller, or a negative errno if nothing was asked. */
int question_new(Pid1Unit *u, bool whole, question_answered_t answered, Pid1Question **ret);
/* Drops the question: answered() is not called any more. q may be NULL. Returns NULL. */
Pid1Question *question_free(Pid1Question *q);

/* Whether the unit was asked about as a whole. */
bool question_is_whole(const Pid1Question *q);
/* How many messages the question consists of. */
unsigned question_messages(const Pid1Question *q);

/* Decodes the answers, as the functions of pid1-status.h do. Of a template, the names of the instances that are up are
 * added to *ret_up. What *ret borrows is q's. */
int question_decode(const Pid1Question *q, Pid1Answer *ret, char ***ret_up);
