/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What has been seen of the registry: the records by their names, made, found and forgotten. They are filled by
 * intake.c.
 */

#include "core/mirror.h"

#include "core/look.h"
#include "core/news.h"

Session *mirror_find_session(Core *c, const char *name) {
        Session *s;

        HASH_FIND_STR(c->sessions, name, s);
        return s;
}

Session *mirror_session(Core *c, const char *name) {
        Session *s = mirror_find_session(c, name);

        if (s || session_ttl(name) == 0)
                return s;
        s = calloc(1, sizeof(Session));
        if (!s)
                abort();
        str_copy(s->name, sizeof(s->name), name);
        s->ttl = session_ttl(name);
        HASH_ADD_STR(c->sessions, name, s);
        c->beats.in_doubt = true;
        if (streq(name, c->own.name))
                c->own.seen = s;
        if (streq(name, c->other.name))
                c->other.seen = s;
        return s;
}

uint64_t mirror_next_number(Core *c) {
        return ++c->heard.changes;
}

void mirror_number(Core *c, Lease *l) {
        l->change = mirror_next_number(c);
}

void mirror_keep(Lease *l, const LeaseRecord *value) {
        l->value = lease_keep(l->value, value);
        if (!l->value)
                abort();
}

Lease *mirror_lease(Core *c, const char *name) {
        size_t size = strlen(name) + 1;
        Lease *l;

        HASH_FIND_STR(c->leases, name, l);
        if (l)
                return l;
        must(lease_name_is_valid(name));
        l = calloc(1, sizeof(Lease) + size);
        if (!l)
                abort();
        memcpy(l->name, name, size);
        mirror_keep(l, &lease_none);
        l->seen.known = mirror_is_complete(c); /* no list named it, so its record is absent */
        mirror_number(c, l);
        HASH_ADD_STR(c->leases, name, l);
        look_new_lease(c, l);
        return l;
}

Lease *mirror_find_lease(const Core *c, const char *name) {
        Lease *l;

        HASH_FIND_STR(c->leases, name, l);
        return l;
}

Machine *mirror_find_machine(Core *c, const char *id) {
        Machine *m;

        HASH_FIND_STR(c->machines, id, m);
        return m;
}

Machine *mirror_machine(Core *c, const char *id) {
        Machine *m = mirror_find_machine(c, id);

        if (m || !machine_id_is_valid(id))
                return m;
        HASH_FIND_STR(c->past_machines, id, m);
        if (m)
                HASH_DEL(c->past_machines, m);
        else if (!(m = malloc(sizeof(Machine))))
                abort();
        *m = (Machine){};
        str_copy(m->id, sizeof(m->id), id);
        HASH_ADD_STR(c->machines, id, m);
        if (streq(id, c->here.machine_id))
                c->self = m;
        return m;
}

static void offer_name(const char *machine, const char *unit, char ret[static RECORD_NAME_SIZE]) {
        size_t n = strnlen(machine, MACHINE_SIZE - 1);

        memcpy(ret, machine, n);
        ret[n] = '/';
        str_copy(ret + n + 1, RECORD_NAME_SIZE - n - 1, unit);
}

static Offer *find_offer(const Core *c, const char *name) {
        Offer *o;

        HASH_FIND_STR(c->offers, name, o);
        return o;
}

Offer *mirror_find_offer(const Core *c, const char *machine, const char *unit) {
        char name[RECORD_NAME_SIZE];

        offer_name(machine, unit, name);
        return find_offer(c, name);
}

static const OfferRecord none;

static void drop_terms(Core *c, Terms *t) {
        if (!t || --t->users > 0)
                return;
        HASH_DEL(c->terms, t);
        if (c->last_terms == t)
                c->last_terms = NULL;
        free(t);
}

void mirror_terms(Core *c, Offer *o, const OfferRecord *value) {
        Terms *t, *before = o->terms;
        OfferRecord key;

        memcpy(&key, value, sizeof(key)); /* also what lies between its members, which is hashed */
        if (streq(key.lease, o->unit))
                key.lease[0] = '\0';
        memset(key.lease + strlen(key.lease), 0, sizeof(key.lease) - strlen(key.lease));
        o->since = key.since;
        key.since = 0;
        t = c->last_terms; /* one offer after another says the same in a list */
        if (!t || memcmp(&t->value, &key, sizeof(key)) != 0)
                HASH_FIND(hh, c->terms, &key, sizeof(key), t);
        if (!t) {
                t = calloc(1, sizeof(Terms));
                if (!t)
                        abort();
                memcpy(&t->value, &key, sizeof(key));
                HASH_ADD(hh, c->terms, value, sizeof(key), t);
        }
        t->users++;
        o->terms = c->last_terms = t;
        drop_terms(c, before);
}

const char *mirror_offer_lease(const Offer *o) {
        return o->terms->value.lease[0] ? o->terms->value.lease : o->unit;
}

Offer *mirror_offer_named(Core *c, const char *name) {
        Offer *o = find_offer(c, name);
        const char *slash = strchr(name, '/');

        if (o || !slash || slash - name != MACHINE_SIZE - 1 || !lease_name_is_valid(slash + 1))
                return o;
        o = calloc(1, sizeof(Offer) + strlen(name) + 1);
        if (!o)
                abort();
        memcpy(o->name, name, strlen(name) + 1);
        o->unit = o->name + (slash - name) + 1;
        mirror_terms(c, o, &none);
        HASH_ADD_STR(c->offers, name, o);
        return o;
}

Offer *mirror_offer(Core *c, const char *machine, const char *unit) {
        char name[RECORD_NAME_SIZE];

        offer_name(machine, unit, name);
        return mirror_offer_named(c, name);
}

Request *mirror_find_request(const Core *c, const char *name) {
        Request *r;

        HASH_FIND_STR(c->requests, name, r);
        return r;
}

static Request *add_request(Core *c, const char *name, const char *to, const char *from, bool ours) {
        Request *r = calloc(1, sizeof(Request));

        if (!r)
                abort();
        r->ours = ours;
        str_copy(r->name, sizeof(r->name), name);
        str_copy(r->to, sizeof(r->to), to);
        str_copy(r->from, sizeof(r->from), from);
        HASH_ADD_STR(c->requests, name, r);
        return r;
}

Request *mirror_request(Core *c, const char *name) {
        char to[MACHINE_SIZE], from[SESSION_SIZE];
        Request *r = mirror_find_request(c, name);
        bool ours;

        if (r || !request_parse_name(name, to, from))
                return r;
        ours = streq(from, c->own.name) || streq(from, c->other.name) || streq(from, c->adopt);
        if (HASH_COUNT(c->requests) >= REQUESTS_MAX || (!ours && !streq(to, c->here.machine_id)))
                return NULL;
        return add_request(c, name, to, from, ours);
}

Request *mirror_add_request(Core *c, const char *name) {
        char to[MACHINE_SIZE], from[SESSION_SIZE];
        bool is_name = request_parse_name(name, to, from);

        must(is_name && !mirror_find_request(c, name));
        return add_request(c, name, to, from, true);
}

void mirror_free_request(Core *c, Request *r) {
        HASH_DEL(c->requests, r);
        free(r);
}

bool mirror_is_complete(const Core *c) {
        return (c->heard.listed & RECORD_ALL) == RECORD_ALL;
}

void mirror_forget(Core *c) {
        Session *s, *next_session;
        Machine *m, *next_machine;
        Lease *l, *next_lease;

        HASH_ITER(hh, c->sessions, s, next_session) {
                HASH_DEL(c->sessions, s);
                free(s->fence_value);
                free(s);
        }
        HASH_ITER(hh, c->machines, m, next_machine) {
                HASH_DEL(c->machines, m);
                HASH_ADD_STR(c->past_machines, id, m);
        }
        HASH_ITER(hh, c->leases, l, next_lease) {
                l->seen = (Seen){};
                mirror_keep(l, &lease_none);
                l->holder = l->counted = NULL;
                l->n_debts = 0;
                l->damaged = l->misnamed = l->given_up = l->blank = l->unsettled = false;
                l->planned[0] = '\0';
                l->planned_at = NULL;
                l->op = OP_NONE;
                l->txn = 0;
                l->next_of_txn = NULL;
        }
        for (Offer *o = c->offers; o; o = o->hh.next) {
                o->seen = (Seen){};
                mirror_terms(c, o, &none);
        }
        for (Request *r = c->requests; r; r = r->hh.next) {
                r->seen = (Seen){};
                r->txn = 0;
        }
        news_note(c, NEWS_BEGINNING);
        look_at_all(c);
        c->own.seen = c->other.seen = NULL;
        c->self = NULL;
        c->meta.seen = (Seen){};
        c->pause.seen = (Seen){};
        c->pause.value = (PauseRecord){};
        c->heard.listed = 0;
        c->heard.list = 0; /* of a list that comes in parts, the rest alone would not be the list */
        c->heard.beats_at = c->heard.beats_first_at = 0;
        c->heard.revision = 0;
        c->heard.samples.n = 0;
        c->heard.newest = NULL;
        c->beats.doubts_id = c->beats.since = 0;
        c->asked.n = 0;
        c->beats.id = c->identity.list_read = c->meta.txn = c->machine.txn = c->collect.txn = c->shutdown.txn = 0;
        c->offering.txn = c->drain.txn = c->pause.txn = c->confirm.txn = c->fencing.txn = c->claims.txn =
                        c->claims.expiring = 0;
        free(c->claims.fence);
        c->claims.fence = NULL;
        c->own.txn = c->own.read = c->other.txn = c->other.read = 0;
}

void mirror_free_session(Core *c, Session *s) {
        must(s != c->own.seen && s != c->other.seen && s->held == 0);
        HASH_DEL(c->sessions, s);
        free(s->fence_value);
        free(s);
}

void mirror_free_machine(Core *c, Machine *m) {
        must(m != c->self);
        HASH_DEL(c->machines, m);
        free(m);
}

void mirror_free_past_machines(Core *c) {
        Machine *m, *next;

        HASH_ITER(hh, c->past_machines, m, next)
                if (!m->needed) {
                        HASH_DEL(c->past_machines, m);
                        free(m);
                }
}

void mirror_free_offer(Core *c, Offer *o) {
        HASH_DEL(c->offers, o);
        drop_terms(c, o->terms);
        free(o);
}

void mirror_free(Core *c) {
        Lease *l, *next_lease;
        Offer *o, *next_offer;
        Request *r, *next_request;
        Machine *m, *next_machine;

        mirror_forget(c);
        HASH_ITER(hh, c->past_machines, m, next_machine) {
                HASH_DEL(c->past_machines, m);
                free(m);
        }
        HASH_ITER(hh, c->requests, r, next_request)
                mirror_free_request(c, r);
        HASH_ITER(hh, c->offers, o, next_offer)
                mirror_free_offer(c, o);
        HASH_ITER(hh, c->leases, l, next_lease) {
                HASH_DEL(c->leases, l);
                free(l->next);
                free(l->debts);
                free(l->value);
                free(l);
        }
}
