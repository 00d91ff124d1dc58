/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of the guard, under any sequence of requests, answers of PID 1 and steps of time:
 *  - no gate is opened at or after stop_at, nor for an entry that is expired, lost or leaving;
 *  - where deadlines do not count (law 13), a limit does: no gate is opened at or after it, and it is only put off;
 *  - a beat never shortens, and revives nothing; what is lost only shrinks;
 *  - nothing is good for longer than from a beat that is sent now, however far away the times are that it is given;
 *  - from kill_at on it kills at every round, until it has been seen down by an answer to a question asked after its
 * gate was closed;
 *  - the tick is always asked for in time.
 * And packets of any bytes: one that is taken for valid has a name that is a plain file name.
 */
#include "fuzz.h"
#include "guard/guard-entry.h"
#include "guard/protocol.h"

typedef struct Run {
        GuardEntry e;
        usec_t now;
        usec_t killed_at; /* the last time; 0: not yet */
        bool gate;        /* the file is there */
        Input in;
} Run;

static const Heard heard_nothing = {};

/* Carries out what it asks for; whether the gate's file obeys is the input's word. */
static void perform(Run *r, unsigned actions) {
        for (unsigned i = 0; i < 4 && (actions & (ENTRY_OPEN_GATE | ENTRY_CLOSE_GATE)); i++) {
                bool closing = actions & ENTRY_CLOSE_GATE, obeys = input_byte(&r->in) % 8 > 0;
                unsigned more;

                if (!closing) {
                        must(guard_entry_is_live(&r->e) && !r->e.leaving);
                        must(r->e.keeps || r->now < r->e.stop_at);
                        must(r->e.limit_kill == 0 || r->now < r->e.limit_stop);
                }
                actions &= ~(unsigned) (closing ? ENTRY_CLOSE_GATE : ENTRY_OPEN_GATE);
                if (obeys)
                        r->gate = !closing;
                more = closing || obeys ? guard_entry_gate(&r->e, r->now, r->gate)
                                        : guard_entry_not_opened(&r->e, r->now);
                actions |= closing && r->gate ? more & ~(unsigned) ENTRY_CLOSE_GATE : more;
        }
        if (actions & ENTRY_KILL)
                r->killed_at = r->now;
        if (r->e.frozen && actions & (ENTRY_FREEZE | ENTRY_LOOK)) /* what is found is the input's word, too */
                perform(r, guard_entry_looked(&r->e, r->now, (Frost) (input_byte(&r->in) % 3)));
        must(!r->e.frozen || r->e.proven || r->now < r->e.kill_at); /* law 15 */
        must(!r->gate || r->e.index == 0 || r->e.gate_open);
        must(!guard_entry_is_live(&r->e) || r->e.kill_at <= r->now + r->e.kill_offset);
        must(!guard_entry_is_live(&r->e) || r->e.stop_at <= r->now + r->e.stop_offset);
        must(r->e.kill_at <= r->now + GUARD_TTL_MAX && r->e.limit_kill <= r->now + GUARD_TTL_MAX);
}

static usec_t near_by(uint8_t byte, usec_t t) {
        static const int64_t steps[] = { -1, 0, 1, 1000, -1000, 20000, 350000, -2000000, 10000000 };
        int64_t step = steps[byte % ELEMENTSOF(steps)];

        return step < 0 ? usec_sub(t, (usec_t) -step) : usec_add(t, (usec_t) step);
}

static usec_t near(Run *r, usec_t t) {
        return near_by(input_byte(&r->in), t);
}

/* A time of a packet may be any number. */
static usec_t near_or_far(Run *r, usec_t t) {
        uint8_t byte = input_byte(&r->in);

        return byte >= 250 ? UINT64_MAX - t : near_by(byte, t);
}

static void tick(Run *r) {
        usec_t due = guard_entry_next(&r->e, heard_nothing);
        bool stopping = guard_entry_is_stopping(&r->e), freezes = r->e.freezes || r->e.frozen, begins;

        perform(r, guard_entry_tick(&r->e, r->now, heard_nothing));
        if (stopping && guard_entry_is_stopping(&r->e) && r->now >= r->e.kill_at)
                must(r->killed_at > 0 && r->now - r->killed_at < GUARD_KILL_EVERY);
        /* What was found not to be frozen is stopped in the next turn. */
        begins = freezes && !stopping && guard_entry_is_stopping(&r->e);
        must(due > r->now || guard_entry_next(&r->e, heard_nothing) > r->now || r->e.gate_open || begins);
}

static void pass(Run *r) {
        usec_t next = guard_entry_next(&r->e, heard_nothing), to = near(r, r->now + input_number(&r->in, 3));

        /* An entry that needs the tick is ticked when it asks for it, as its owner does. */
        for (unsigned i = 0; i < 64 && next != USEC_INFINITY && next < to; i++) {
                r->now = MAX(r->now, next);
                tick(r);
                next = guard_entry_next(&r->e, heard_nothing);
        }
        to = MIN(to, next);
        r->now = MAX(r->now, to);
        tick(r);
}

static void beat(Run *r) {
        GuardEntry before = r->e;

        perform(r, guard_entry_beat(&r->e, r->now, near(r, r->now)));
        must(r->e.stop_at >= before.stop_at && r->e.kill_at >= before.kill_at);
        if (!guard_entry_is_live(&before))
                must(!guard_entry_is_live(&r->e));
}

static void lose(Run *r, usec_t kill_at) {
        GuardEntry before = r->e;

        perform(r, guard_entry_lose(&r->e, r->now, input_byte(&r->in), kill_at));
        must(guard_entry_is_stopping(&r->e) || r->e.index == 0);
        if (before.index == 0 || before.down)
                must(r->e.index == 0 || r->e.kill_at <= r->now + GUARD_TTL_MAX);
        else if (before.keeps)
                must(r->e.kill_at <= MAX(r->now + before.kill_offset, before.limit_kill));
        else
                must(r->e.kill_at <= before.kill_at && r->e.stop_at <= MAX(before.stop_at, r->now));
        if (!guard_entry_is_stopping(&before))
                r->killed_at = 0;
}

static void report(Run *r) {
        uint8_t bits = input_byte(&r->in);
        usec_t asked_at = near(r, r->now);
        UnitAnswer answer = {
                .known = bits & 1,
                .up = bits & 2,
                .job = bits & 4,
                .empty = bits & 8,
                .asked_at = MIN(asked_at, r->now),
        };
        bool stopping = guard_entry_is_stopping(&r->e);
        usec_t closed_at = r->e.closed_at;

        perform(r, guard_entry_reported(&r->e, r->now, &answer));
        if (stopping && !guard_entry_is_stopping(&r->e))
                must(answer.known && !answer.up && !answer.job && answer.empty && answer.asked_at > closed_at);
}

static void arm(Run *r) {
        usec_t stop = near_or_far(r, r->now), kill = near_or_far(r, stop), stop_offset = input_number(&r->in, 3);
        GuardEntry before = r->e;
        uint64_t index = input_byte(&r->in) % 4;

        if (stop > UINT64_MAX / 2)
                stop_offset = usec_sub(UINT64_MAX, stop_offset);
        perform(r, guard_entry_arm(&r->e, r->now, index, stop, kill, stop_offset,
                                   usec_add(stop_offset, input_number(&r->in, 2))));
        if (guard_entry_is_stopping(&before))
                must(guard_entry_is_stopping(&r->e));
        if (guard_entry_is_live(&r->e))
                must(r->e.stop_at <= r->e.kill_at && r->e.stop_offset <= r->e.kill_offset);
        if (guard_entry_is_live(&r->e) && !guard_entry_is_live(&before))
                r->killed_at = 0;
}

/* As a LIMIT brings it: two times of the input's own. */
static void limit(Run *r) {
        GuardEntry before = r->e;
        usec_t stop = near_or_far(r, r->now), kill = near_or_far(r, stop);

        perform(r, guard_entry_limit(&r->e, r->now, stop, kill));
        must(r->e.limit_stop <= r->e.limit_kill);
        if (guard_entry_is_live(&before) && guard_entry_is_live(&r->e)) {
                must(r->e.limit_stop >= before.limit_stop && r->e.limit_kill >= before.limit_kill);
                must(r->e.limit_kill > 0 && r->now < r->e.limit_stop);
        } else if (!guard_entry_is_live(&before))
                must(!guard_entry_is_live(&r->e));
        if (guard_entry_is_stopping(&r->e) && !guard_entry_is_stopping(&before))
                r->killed_at = 0;
}

static void keep(Run *r, bool on) {
        GuardEntry before = r->e;

        perform(r, on ? guard_entry_keep_on(&r->e, r->now) : guard_entry_keep_off(&r->e, r->now, near(r, r->now)));
        must(guard_entry_is_live(&before) || !guard_entry_is_live(&r->e)); /* nothing is revived */
        must(r->e.limit_stop == before.limit_stop && r->e.limit_kill == before.limit_kill);
}

/* The machine was paused for so long (law 14). */
static void jump(Run *r) {
        GuardEntry before = r->e;
        usec_t span = near(r, 0);

        guard_entry_move(&r->e, span);
        must(r->e.stop_at <= before.stop_at && r->e.kill_at <= before.kill_at);
        must(r->e.limit_stop <= before.limit_stop && r->e.limit_kill <= before.limit_kill);
        must((r->e.limit_kill > 0) == (before.limit_kill > 0));
        perform(r, guard_entry_moved(&r->e, r->now));
}

static void open_gate(Run *r, uint8_t byte) {
        guard_entry_set_freezes(&r->e, byte >= 128);
        perform(r, guard_entry_open(&r->e, r->now, byte % 4));
}

static void check_packet(Input in) {
        GuardMessage m = {};
        size_t size = MIN(in.size, sizeof(m));

        memcpy(&m, in.data, size);
        if (guard_message_is_valid(&m, size))
                must(memchr(m.unit, '\0', sizeof(m.unit)));
        if (guard_message_is_valid(&m, size) &&
                        ((m.type >= GUARD_ARM && m.type <= GUARD_CLOSE && m.type != GUARD_BEAT) ||
                                        m.type == GUARD_LIMIT))
                must(*m.unit && !strchr(m.unit, '/') && m.unit[0] != '.');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Run r = { .now = USEC_PER_HOUR, .in = { data, size } };

        if (size > 0)
                check_packet(r.in);
        while (r.in.size > 0) {
                uint8_t byte = input_byte(&r.in);

                /* The highest bytes are those of what came later, so that older inputs say what they said. */
                switch (byte >= 0xf0 ? byte : byte % 9) {
                case 0xff:
                case 0xfe:
                        limit(&r);
                        break;
                case 0xfd:
                case 0xfc:
                        keep(&r, byte == 0xfd);
                        break;
                case 0xfa:
                        lose(&r, USEC_INFINITY);
                        break;
                case 0xfb:
                        jump(&r);
                        break;
                case 0:
                        arm(&r);
                        break;
                case 1:
                        beat(&r);
                        break;
                case 2:
                        lose(&r, near(&r, r.now));
                        break;
                case 3:
                        perform(&r, guard_entry_disarm(&r.e, r.now));
                        break;
                case 4:
                        open_gate(&r, input_byte(&r.in));
                        break;
                case 5:
                        perform(&r, guard_entry_close(&r.e, r.now));
                        break;
                case 6:
                        perform(&r, guard_entry_stop_answered(&r.e, r.now, input_byte(&r.in) % 3));
                        break;
                case 7:
                        report(&r);
                        break;
                default:
                        pass(&r);
                }
        }
        return 0;
}
