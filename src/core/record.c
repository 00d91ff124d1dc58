/* SPDX-License-Identifier: Apache-2.0 */
#include "core/record.h"

#include <ctype.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/timeline.h"
#include "util/must.h"

static bool is_hex(const char *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!isdigit((unsigned char) s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
                        return false;
        return true;
}

usec_t session_ttl(const char *session) {
        usec_t ms = 0;

        if (strnlen(session, SESSION_SIZE) >= SESSION_SIZE || !is_hex(session, 16) || session[16] != '-')
                return 0;
        for (const char *p = session + 17; *p; p++) {
                if (!isdigit((unsigned char) *p))
                        return 0;
                ms = ms * 10 + (usec_t) (*p - '0');
        }
        ms *= USEC_PER_MSEC;
        return ms < TTL_MIN || ms > TTL_MAX ? 0 : ms;
}

usec_t debt_ttl(const char *session) {
        const char *p = startswith(session, "period-") ? session + strlen("period-") : "";
        usec_t ms = 0, most = PERIOD_MAX / USEC_PER_MSEC + 1;

        for (; isdigit((unsigned char) *p) && ms <= most; p++)
                ms = ms * 10 + (usec_t) (*p - '0');
        if (*p || ms == 0 || ms > most)
                return session_ttl(session) ?: TTL_MAX;
        return ms * USEC_PER_MSEC;
}

void record_format_hex(uint64_t value, char ret[static 17]) {
        static const char hex[] = "0123456789abcdef";

        for (int i = 0; i < 16; i++)
                ret[i] = hex[value >> (60 - i * 4) & 15];
        ret[16] = '\0';
}

/* Writes "<head>-<number>"; room for 20 digits behind head is the caller's business. */
static void format_pair(const char *head, uint64_t number, char *ret) {
        char digits[20];
        size_t n = 0, at = strlen(head);

        memmove(ret, head, at);
        ret[at++] = '-';
        do
                digits[n++] = (char) ('0' + number % 10);
        while (number /= 10);
        while (n > 0)
                ret[at++] = digits[--n];
        ret[at] = '\0';
}

void record_format_nonce(const char *process, uint64_t attempt, char ret[static NONCE_SIZE]) {
        format_pair(process, attempt, ret);
}

void session_format(uint64_t random, usec_t ttl, char ret[static SESSION_SIZE]) {
        char head[17];

        record_format_hex(random, head);
        format_pair(head, MIN(ttl, TTL_MAX) / USEC_PER_MSEC, ret);
}

void debt_format_period(usec_t period, char ret[static SESSION_SIZE]) {
        format_pair("period", MIN(period, 24 * USEC_PER_HOUR) / USEC_PER_MSEC + 1, ret);
}

bool lease_name_is_valid(const char *name) {
        size_t n = strnlen(name, NAME_SIZE);

        if (n == 0 || n >= NAME_SIZE || name[0] == '.' || name[0] == '#')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char) name[i]) && !strchr(":_.\\@-#", name[i]))
                        return false;
        return true;
}

bool lease_has_room_for_slots(const char *lease) {
        return strcspn(lease, "#") + sizeof("#99") <= NAME_SIZE;
}

unsigned lease_slot(const char *lease) {
        const char *mark = strchr(lease, '#');
        unsigned slot = 0;

        if (!mark || mark[1] == '0' || strlen(mark + 1) > 2)
                return 0;
        for (const char *s = mark + 1; *s; s++) {
                if (*s < '0' || *s > '9')
                        return 0;
                slot = slot * 10 + (unsigned) (*s - '0');
        }
        return slot;
}

void lease_name_slot(const char *lease, unsigned slot, char ret[static NAME_SIZE]) {
        size_t n = strcspn(lease, "#");

        must(lease_has_room_for_slots(lease) && slot > 0 && slot < 100);
        memcpy(ret, lease, n);
        ret[n++] = '#';
        if (slot >= 10)
                ret[n++] = (char) ('0' + slot / 10);
        ret[n++] = (char) ('0' + slot % 10);
        ret[n] = '\0';
}

bool lease_slots_are_alike(const char *a, const char *b) {
        size_t n = strcspn(a, "#");

        return lease_slot(a) > 0 && lease_slot(b) > 0 && strcspn(b, "#") == n && memcmp(a, b, n) == 0;
}

bool machine_id_is_valid(const char *id) {
        return strnlen(id, MACHINE_SIZE) == MACHINE_SIZE - 1 && is_hex(id, MACHINE_SIZE - 1);
}

bool lease_is_sound(const LeaseRecord *l) {
        bool of_session = l->session[0], of_period = l->period >= PERIOD_MIN && l->period <= PERIOD_MAX;

        if ((unsigned) l->state >= _LEASE_STATE_MAX || l->index > INDEX_MAX || l->n_debts > DEBTS_MAX ||
                        l->n_tenures > TENURES_MAX)
                return false;
        for (size_t i = 0; i < l->n_debts; i++)
                if (l->debts[i].index > INDEX_MAX)
                        return false;
        if (l->state != LEASE_HELD)
                return true;
        return l->index > 0 && (of_session ? session_ttl(l->session) > 0 && l->period == 0 : of_period);
}

bool meta_is_sound(const MetaRecord *m) {
        return m->uuid[0] && m->index_floor <= FLOOR_MAX;
}

static size_t find_debt(const LeaseRecord *l, const char *session, uint64_t index) {
        size_t i = 0;

        while (i < l->n_debts && !(l->debts[i].index == index && streq(l->debts[i].session, session)))
                i++;
        return i;
}

bool lease_has_debt(const LeaseRecord *l, const char *session, uint64_t index) {
        return find_debt(l, session, index) < l->n_debts;
}

bool lease_add_debt(LeaseRecord *l, const char *session, uint64_t index) {
        if (lease_has_debt(l, session, index))
                return true;
        if (l->n_debts >= DEBTS_MAX)
                return false;
        str_copy(l->debts[l->n_debts].session, SESSION_SIZE, session);
        l->debts[l->n_debts++].index = index;
        return true;
}

void lease_strike_debt(LeaseRecord *l, const char *session, uint64_t index) {
        size_t i = find_debt(l, session, index);

        if (i == l->n_debts)
                return;
        memmove(l->debts + i, l->debts + i + 1, (l->n_debts - i - 1) * sizeof(Debt));
        l->n_debts--;
}

void lease_end_tenure(LeaseRecord *l, usec_t realtime, Why why) {
        Tenure *t;

        if (l->n_tenures == TENURES_MAX) {
                memmove(l->tenures, l->tenures + 1, (TENURES_MAX - 1) * sizeof(Tenure));
                l->n_tenures--;
        }
        t = l->tenures + l->n_tenures++;
        *t = (Tenure){ .index = l->index, .from = l->since, .to = realtime, .code = why };
        str_copy(t->machine_id, sizeof(t->machine_id), l->machine_id);
        str_copy(t->why, sizeof(t->why), why_word(why));
}

Why tenure_why(const Tenure *t) {
        return t->code != WHY_NONE ? t->code : why_from_word(t->why);
}

const Tenure *lease_last_tenure(const LeaseRecord *l) {
        return l->n_tenures > 0 ? l->tenures + l->n_tenures - 1 : NULL;
}

bool lease_was_unfit(const LeaseRecord *l, const char *machine_id) {
        const Tenure *last = lease_last_tenure(l);

        return last && streq(last->machine_id, machine_id) && tenure_why(last) == WHY_UNFIT;
}

const Tenure *lease_drained_from(const LeaseRecord *l) {
        const Tenure *from = NULL;

        for (size_t n = l->n_tenures; n > 0 && tenure_why(l->tenures + n - 1) == WHY_DRAIN; n--)
                from = l->tenures + n - 1;
        return from;
}

bool lease_is_kept(const LeaseRecord *l) {
        const Tenure *last = lease_last_tenure(l);

        /* An older version leaves the member as it is, so the end of the last tenure must agree. A longer time than
         * leased ever writes is somebody else's, and keeps nobody waiting (law 11). */
        return l->state == LEASE_FREE && l->kept_for > 0 && l->kept_for <= KEPT_MAX && last &&
               last->code == WHY_SHUTDOWN && last->index == l->index;
}

Reason offer_reason(const OfferRecord *o) {
        if (isempty(o->why))
                return reason(WHY_NONE);
        return reason_there(o->code != WHY_NONE ? reason_of(o->code, o->about) : reason_of(WHY_SAID, o->why));
}

void offer_set_reason(OfferRecord *o, Reason r) {
        char text[WHY_TEXT_SIZE];

        o->code = r.why;
        str_copy(o->why, sizeof(o->why), why_text(reason_there(r), text));
        (void) reason_keep(r, o->about, sizeof(o->about));
}

void fence_add_name(FenceRecord *f, const char *name) {
        if (f->n_names == FENCE_NAMES_MAX) {
                memmove(f->names, f->names + 1, (FENCE_NAMES_MAX - 1) * sizeof(f->names[0]));
                f->n_names--;
        }
        str_copy(f->names[f->n_names++], NAME_SIZE, name);
        f->counter++;
}

const LeaseRecord lease_none = { .state = LEASE_FREE };

static size_t size_of(const LeaseRecord *l) {
        must(l->n_debts <= DEBTS_MAX && l->n_tenures <= TENURES_MAX);
        return l->n_debts > 0 ? offsetof(LeaseRecord, debts) + l->n_debts * sizeof(Debt)
                              : offsetof(LeaseRecord, tenures) + l->n_tenures * sizeof(Tenure);
}

LeaseRecord *lease_keep(LeaseRecord *kept, const LeaseRecord *l) {
        size_t size = size_of(l);
        LeaseRecord *copy = realloc(kept, size);

        if (copy)
                memcpy(copy, l, size);
        return copy;
}

LeaseRecord lease_copy(const LeaseRecord *l) {
        LeaseRecord copy = {};

        memcpy(&copy, l, size_of(l));
        return copy;
}

void fence_copy(FenceRecord *to, const FenceRecord *from) {
        to->counter = from->counter;
        str_copy(to->over_by, sizeof(to->over_by), from->over_by);
        to->over = from->over;
        to->silence = from->silence;
        to->keeps = from->keeps;
        str_copy(to->keeper, sizeof(to->keeper), from->keeper);
        to->n_names = MIN(from->n_names, (size_t) FENCE_NAMES_MAX);
        memcpy(to->names, from->names, to->n_names * sizeof(from->names[0]));
}

void lease_ended_by(LeaseRecord *l, const char *by) {
        if (l->n_tenures > 0)
                str_copy(l->tenures[l->n_tenures - 1].by, BY_SIZE, by);
}

void request_format_name(
                const char *machine_id, const char *session, uint64_t random, char ret[static RECORD_NAME_SIZE]) {
        size_t n = MACHINE_SIZE - 1, m = strnlen(session, SESSION_SIZE - 1);

        must(machine_id_is_valid(machine_id));
        memcpy(ret, machine_id, n);
        ret[n++] = '/';
        memcpy(ret + n, session, m);
        ret[n + m] = '.';
        record_format_hex(random, ret + n + m + 1);
}

bool request_parse_name(
                const char *name, char ret_machine[static MACHINE_SIZE], char ret_session[static SESSION_SIZE]) {
        const char *slash = strchr(name, '/'), *dot = slash ? strchr(slash, '.') : NULL;

        if (!dot || slash - name != MACHINE_SIZE - 1 || dot - slash - 1 >= SESSION_SIZE || strlen(dot + 1) != 16)
                return false;
        str_copy(ret_machine, MACHINE_SIZE, name);
        ret_machine[MACHINE_SIZE - 1] = '\0';
        memcpy(ret_session, slash + 1, (size_t) (dot - slash - 1));
        ret_session[dot - slash - 1] = '\0';
        return machine_id_is_valid(ret_machine) && session_ttl(ret_session) > 0 && is_hex(dot + 1, 16);
}
