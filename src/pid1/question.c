/* SPDX-License-Identifier: Apache-2.0 */
#include "pid1/question.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "util/must.h"
#include "util/unit-name.h"

typedef struct Message {
        Pid1Question *question;
        sd_bus_slot *slot;
        sd_bus_message *answer;
} Message;

struct Pid1Question {
        Pid1Unit *unit;
        question_answered_t answered;
        QuestionKind kind;
        size_t n, n_asked, n_answered; /* places for messages; how many of these are used; and answered */
        Message messages[];
};

/* Notes what PID 1 had told of up to the answer that says what job the unit has. Further jobs may be told of before
 * the last part of the answer comes. */
static void note_heard(const Pid1Question *q, const Message *part) {
        Pid1Unit *u = q->unit;

        if (q->kind != QUESTION_WHOLE && pid1_unit_parts[part - q->messages].kind != PART_ROW)
                return;
        u->asking.heard = u->pid1->highest_job;
        u->asking.heard_own = u->jobs.highest;
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Message *part = userdata;
        Pid1Question *q = part->question;

        part->slot = sd_bus_slot_unref(part->slot);
        if (sd_bus_message_is_method_error(message, SD_BUS_ERROR_LIMITS_EXCEEDED))
                pid1_refused(q->unit->pid1, sd_bus_message_get_error(message));
        if (sd_bus_message_is_method_error(message, NULL))
                q->answered(q->unit, -sd_bus_message_get_errno(message));
        else {
                part->answer = sd_bus_message_ref(message);
                note_heard(q, part);
                if (++q->n_answered == q->n_asked)
                        q->answered(q->unit, 0);
        }
        return 0; /* q may be gone */
}

static int whole_new(Pid1Unit *u, const char *path, sd_bus_message **ret) {
        int r;

        if (u->pattern) {
                r = pid1_message_new(u->pid1, PID1_PATH, PID1_MANAGER, "ListUnitsByPatterns", ret);
                return r < 0 ? r : sd_bus_message_append(*ret, "asas", 0, 1, u->pattern);
        }
        r = pid1_message_new(u->pid1, path, DBUS_PROPERTIES, "GetAll", ret);
        return r < 0 ? r : sd_bus_message_append(*ret, "s", ""); /* "": the properties of all interfaces */
}

/* Asks for all properties of the interface of the unit's type: of a service, "org.freedesktop.systemd1.Service". */
static int type_new(Pid1Unit *u, const char *path, sd_bus_message **ret) {
        const char *type = strrchr(u->name, '.');
        char interface[128];
        int r = pid1_message_new(u->pid1, path, DBUS_PROPERTIES, "GetAll", ret);

        if (r < 0)
                return r;
        must(type);
        (void) snprintf(interface, sizeof(interface), PID1_NAME ".%c%s", toupper((unsigned char) type[1]), type + 2);
        return sd_bus_message_append(*ret, "s", interface);
}

static int part_new(Pid1Unit *u, const char *path, const Pid1Part *part, sd_bus_message **ret) {
        int r;

        switch (part->kind) {
        case PART_TYPE:
                return type_new(u, path, ret);
        case PART_ROW:
                r = pid1_message_new(u->pid1, PID1_PATH, PID1_MANAGER, "ListUnitsByNames", ret);
                return r < 0 ? r : sd_bus_message_append(*ret, "as", 1, u->name);
        default:
                r = pid1_message_new(u->pid1, path, DBUS_PROPERTIES, "Get", ret);
                return r < 0 ? r : sd_bus_message_append(*ret, "ss", PID1_UNIT, part->property);
        }
}

static int ask(Pid1Question *q, const char *path, size_t i) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        Pid1Unit *u = q->unit;
        int r = q->kind == QUESTION_WHOLE ? whole_new(u, path, &message)
                                          : part_new(u, path, pid1_unit_parts + i, &message);

        q->n_asked++;
        q->messages[i].question = q;
        return r < 0 ? r
                     : sd_bus_call_async(u->pid1->bus, &q->messages[i].slot, message, on_answer, q->messages + i,
                                       QUESTION_TIMEOUT);
}

static bool has_part(QuestionKind kind, size_t i) {
        switch (kind) {
        case QUESTION_STATE:
                return !pid1_unit_parts[i].lasts;
        case QUESTION_END:
                return pid1_unit_parts[i].ends;
        default:
                return true;
        }
}

int question_new(Pid1Unit *u, QuestionKind kind, question_answered_t answered, Pid1Question **ret) {
        size_t n = kind == QUESTION_WHOLE ? 1 : PID1_PARTS;
        Pid1Question *q = calloc(1, sizeof(*q) + n * sizeof(Message));
        _cleanup_free_ char *path = NULL;
        int r;

        must(kind == QUESTION_WHOLE || !u->pattern);
        if (!q)
                return -ENOMEM;
        *q = (Pid1Question){ .unit = u, .answered = answered, .kind = kind, .n = n };
        r = sd_bus_path_encode(PID1_UNIT_PATH, u->name, &path);
        for (size_t k = 0; k < n && r >= 0; k++) {
                size_t i = kind == QUESTION_END ? n - 1 - k : k; /* the row first */

                if (has_part(kind, i))
                        r = ask(q, path, i);
        }
        if (r < 0) {
                question_free(q);
                return r;
        }
        *ret = q;
        return 0;
}

Pid1Question *question_free(Pid1Question *q) {
        for (size_t i = 0; q && i < q->n; i++) {
                (void) sd_bus_slot_unref(q->messages[i].slot);
                (void) sd_bus_message_unref(q->messages[i].answer);
        }
        free(q);
        return NULL;
}

QuestionKind question_kind(const Pid1Question *q) {
        return q->kind;
}

bool question_is_unanswered(const Pid1Question *q) {
        return q->n_answered == 0;
}

unsigned question_messages(const Pid1Question *q) {
        return (unsigned) q->n_asked;
}

int question_decode(const Pid1Question *q, Pid1Answer *ret, char ***ret_up) {
        char own_gate[sizeof(GATE_DIRECTORY "/") + UNIT_NAME_SPACE];
        sd_bus_message *answers[PID1_PARTS];
        const Pid1Unit *u = q->unit;
        const char *gate = u->gate ?: own_gate;

        must(q->n_answered == q->n_asked);
        (void) snprintf(own_gate, sizeof(own_gate), GATE_DIRECTORY "/%s", u->name);
        for (size_t i = 0; i < q->n; i++)
                answers[i] = q->messages[i].answer;
        if (u->pattern)
                return pid1_unit_rows_decode(answers[0], ret, ret_up);
        switch (q->kind) {
        case QUESTION_WHOLE:
                return pid1_unit_answer_decode(answers[0], u->name, gate, u->guard, ret);
        case QUESTION_PARTS:
                return pid1_unit_parts_decode(answers, u->name, gate, u->guard, ret);
        case QUESTION_END:
                return pid1_unit_end_decode(answers, u->name, ret);
        default:
                return pid1_unit_state_decode(answers, u->name, &u->status, u->guard_bound, ret);
        }
}
