/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl rebalance: moves the fewest units that make it even: the machines hold as many leases as each other, and
 * the units of each Spread= are spread. leased says which moves that takes, by its plan; each move is a transfer, one
 * after the other. Nobody moves units for the balance without being asked.
 */

#include "core/core.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/registry.h"
#include "ctl/rehearse.h"

static int move_all(Ctl *ctl, const json_t *rows) {
        json_t *row;
        size_t i;
        int code = CTL_OK;

        json_array_foreach((json_t *) rows, i, row) {
                char *arguments[] = { (char *) get_string(row, "unit"), (char *) get_string(row, "to"), NULL };
                int c = *arguments[1] ? verb_transfer(ctl, 2, arguments) : CTL_OK;

                if (c != CTL_OK)
                        code = c;
        }
        return code;
}

/* Whether leased had too many units to look at all of them: then the last row says so. */
static bool is_cut(const json_t *rows) {
        const json_t *last = json_array_get(rows, json_array_size(rows) - 1);

        return last && get_integer(last, "code") == WHY_TOO_MANY;
}

/* Whether nothing moves now: then the only row says so. */
static bool is_paused(const json_t *rows) {
        return get_integer(json_array_get(rows, 0), "code") == WHY_PAUSED;
}

int verb_rebalance(Ctl *ctl, int argc, char **argv) {
        json_auto_t *rows = NULL;
        int code = registry_refuse_unknown(ctl, "rebalance"); /* nothing can be called even */

        (void) argc;
        (void) argv;
        if (code == CTL_OK)
                code = rehearse_read(ctl, "rebalance", 0, NULL, "", &rows);
        if (code != CTL_OK)
                return code;
        if (ctl->dry_run)
                code = rehearse_print_rows(ctl, "rebalance", rows);
        else if (is_paused(rows))
                code = ctl_fail("rebalance: %s", get_string(json_array_get(rows, 0), "why"));
        else
                code = move_all(ctl, rows);
        if (ctl->json == JSON_OFF && ctl->legend && json_array_size(rows) == 0)
                say("it is even, nothing has to move");
        if (ctl->legend && (json_array_size(rows) >= REHEARSAL_MOVES || is_cut(rows)))
                complain("note: there may be more to move: leasectl rebalance");
        return code;
}
