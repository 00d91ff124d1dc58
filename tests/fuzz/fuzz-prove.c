/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of machines, as any bytes, and what leasectl prove makes of it: what is called proven by the registry
 * has two revisions in this order, and nothing else is. */
#include <errno.h>

#include "ctl/verdict.h"
#include "fuzz.h"

static const json_t *tenure_of(const Proof *p, const json_t *move, const char *end) {
        const json_t *t = json_array_get(p->tenures, (size_t) get_integer(move, end));

        must(t);
        return t;
}

static void check_move(const Proof *p, const json_t *move) {
        const json_t *from = tenure_of(p, move, "from"), *to = tenure_of(p, move, "to");
        const char *verdict = get_string(move, "verdict"), *by = get_string(move, "by"),
                   *why = get_string(move, "why");
        bool proven = streq(verdict, "proven");

        must(get_integer(move, "from") < get_integer(move, "to"));
        must(proven || streq(verdict, "overlap") || streq(verdict, "unproven"));
        must(proven == (*by != 0) && streq(verdict, "unproven") == (*why != 0));
        must(!*why || verdict_reason(why) != UNPROVEN_NOT);
        if (proven)
                must(!streq(get_string(from, "machine_id"), get_string(to, "machine_id")));
        if (streq(by, "registry")) {
                json_int_t left = get_integer(json_object_get(from, "left"), "revision");

                must(left > 0 && left <= get_integer(json_object_get(to, "acquired"), "revision"));
                must(get_integer(from, "index") > 0 && get_integer(from, "index") < get_integer(to, "index"));
        } else if (proven)
                must(p->clocks != USEC_INFINITY && get_integer(move, "gap_usec") > (json_int_t) p->clocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Input in = { data, size };
        _cleanup_free_ char *path = NULL;
        size_t line, i;
        json_t *move;
        Proof p;
        int r = 0;

        must(asprintf(&path, "%s/journal", fuzz_folder()) > 0);
        proof_init(&p, "web.service");
        p.clocks = input_byte(&in) & 1 ? USEC_INFINITY : input_number(&in, 2);
        while (in.size > 0 && r == 0) { /* a file for each machine */
                _cleanup_free_ char *text = NULL;
                size_t length;

                text = input_text(&in, 0, &length);
                fuzz_write("/journal", text, length);
                r = proof_read(&p, path, &line);
                must(r == 0 || r == -EBADMSG || r == -EEXIST);
        }
        verdict_judge(&p);
        json_array_foreach(p.moves, i, move)
                check_move(&p, move);
        proof_done(&p);
        return 0;
}
