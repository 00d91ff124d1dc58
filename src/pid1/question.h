/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One question to PID 1 about a unit: all that leased wants to know of the unit, asked in one of four ways.
 *
 * As a whole: GetAll("") of the unit. PID 1 answers with one message, of one instant. But the answer has
 * UnitFileState=, for which PID 1 looks through all links between unit files the first time that it is asked about the
 * unit after it has read its files. This takes PID 1 4 ms with a thousand unit files. So after a reload, such
 * questions about a thousand units would keep PID 1 busy for seconds.
 *
 * By parts: a message for each property of org.freedesktop.systemd1.Unit that is wanted, one for the unit's row, and
 * one for all properties of the unit's type (pid1-status.h). All together they take PID 1 half a millisecond, and the
 * bus about one.
 *
 * For the state: only the parts that do not last, half as many. They will do where the lasting ones are known, unless
 * somebody has ended the unit: to find out who, the others are asked for anew.
 *
 * For the end, of a unit that we have had stopped: three messages. They will do if the unit is down by our stop. First
 * comes its row. After that nothing of the unit changes any more, since its gate is closed.
 */

#include <systemd/sd-bus.h>

#include "pid1/pid1-internal.h"
#include "pid1/pid1-status.h"

/* Called when the question is over. error is 0 if all messages have been answered, so that question_decode() may be
 * called, and otherwise the negative errno of the message that has failed. The question calls nothing and touches
 * nothing after this call, so the callback may free the question. */
typedef void (*question_answered_t)(Pid1Unit *u, int error);

typedef enum QuestionKind {
        QUESTION_WHOLE,
        QUESTION_PARTS,
        QUESTION_STATE,
        QUESTION_END,
} QuestionKind;

/* Asks PID 1 about the unit; about a template only as a whole. Returns 0 and gives a question owned by the caller.
 * Returns a negative errno if the question could not be asked: nothing is called then. */
int question_new(Pid1Unit *u, QuestionKind kind, question_answered_t answered, Pid1Question **ret);
/* Drops the question: answered() is not called any more. q may be NULL. Returns NULL. */
Pid1Question *question_free(Pid1Question *q);

/* Gives how the unit was asked about. */
QuestionKind question_kind(const Pid1Question *q);
/* Whether no part of the question has been answered yet. Then all that PID 1 has told until now is in the answer,
 * since PID 1's messages come in the order in which it has sent them. */
bool question_is_unanswered(const Pid1Question *q);
/* How many messages the question consists of. */
unsigned question_messages(const Pid1Question *q);

/* Decodes the answers of a question that is over without an error, as the functions of pid1-status.h do, and fails as
 * these do. For a template, the names of the instances that are up are added to *ret_up. What *ret borrows is valid
 * until the question is freed. */
int question_decode(const Pid1Question *q, Pid1Answer *ret, char ***ret_up);
