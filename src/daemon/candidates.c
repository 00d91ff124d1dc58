/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/candidates.h"

#include <errno.h>

#include "conf/unit-files.h"

static int candidate_read(Candidate *c, const char *unit, Messages *messages) {
        int r = unit_options_load("", unit, &c->options, messages);

        if (r == -ENOENT) /* removed since it was listed: as if it had not been enabled */
                return 0;
        c->name = strdup(unit);
        if (!c->name)
                return -ENOMEM;
        c->bad = r < 0;
        if (r < 0 && r != -EBADMSG)
                messages_add(messages, "%s: %s", unit, strerror(-r));
        return 1;
}

static void fail(Candidates *c, int error, Messages *messages) {
        c->error = error;
        messages_add(messages, "cannot list /etc/leased/units: %s", strerror(-error));
}

void candidates_list(Candidates *c, Messages *messages) {
        int r = enabled_units_list("", &c->names, messages);

        if (r >= 0 && !(c->list = calloc(strv_length(c->names) + 1, sizeof(Candidate))))
                r = -ENOMEM;
        if (r < 0)
                fail(c, r, messages);
        else
                unit_files_remember("");
}

static bool has_more(const Candidates *c) {
        return c->error == 0 && c->names && c->names[c->next];
}

bool candidates_read(Candidates *c, Messages *messages) {
        if (has_more(c)) {
                int r = candidate_read(c->list + c->n, c->names[c->next++], messages);

                c->n += r > 0;
                if (r < 0)
                        fail(c, r, messages);
        }
        return has_more(c);
}

void candidates_done(Candidates *c) {
        for (size_t i = 0; i < c->n; i++) {
                free(c->list[i].name);
                unit_options_free(c->list[i].options);
        }
        unit_files_forget();
        free(c->list);
        strv_free(c->names);
        *c = (Candidates){};
}
