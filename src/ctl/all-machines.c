/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/all-machines.h"

#include <stdio.h>

#include "core/why.h"
#include "ctl/machines.h"
#include "ctl/output.h"

/* Makes a row from what ExplainUnit says of a machine: id, host name, fits, holds, rank, code, why not. */
static json_t *to_row(const json_t *said, const char *here) {
        bool fits = json_is_true(json_array_get(said, 2)), holds = json_is_true(json_array_get(said, 3));
        json_t *rank = json_array_get(said, 4);
        char why[WHY_TEXT_SIZE + 64];

        if (!fits)
                str_copy(why, sizeof(why), string_at(said, 6));
        else if (json_integer_value(rank) == 0)
                str_copy(why, sizeof(why), "would run here");
        else
                (void) snprintf(why, sizeof(why), "after %" JSON_INTEGER_FORMAT " other%s", json_integer_value(rank),
                                json_integer_value(rank) == 1 ? "" : "s");
        if (holds)
                str_copy(why + strlen(why), sizeof(why) - strlen(why), "; holds it now");
        return json_pack("{s:O, s:O, s:b, s:b, s:o, s:b, s:s, s:O}", "machine_id", json_array_get(said, 0), "hostname",
                        json_array_get(said, 1), "here", (int) streq(string_at(said, 0), here), "fits", (int) fits,
                        "rank", fits ? json_incref(rank) : json_null(), "holds", (int) holds, "why", why, "code",
                        json_array_get(said, 5));
}

int all_machines_explain(
                Ctl *ctl, const char *unit, const char *text, const char *here, json_t **ret, size_t *ret_fit) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *answer = NULL, *rows = json_array();
        int r = text ? bus_call(ctl->bus, &bus_leased, "ExplainOptions", &answer, &error, "ss", unit, text)
                     : bus_call(ctl->bus, &bus_leased, "ExplainUnit", &answer, &error, "s", unit);
        json_t *said;
        size_t i;

        if (r < 0)
                return bus_complain(unit, r, &error);
        *ret_fit = 0;
        json_array_foreach(json_array_get(answer, 0), i, said) {
                (void) json_array_append_new(rows, to_row(said, here));
                *ret_fit += json_is_true(json_array_get(said, 2));
        }
        *ret = json_incref(rows);
        return CTL_OK;
}

void all_machines_print(const json_t *rows) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                char name[HOSTNAME_SHOWN];

                say("%s%10s%s: %s%s: %s", colour_on(get_boolean(row, "fits") ? COLOUR_GREEN : COLOUR_YELLOW),
                                "machine", colour_off(),
                                machine_name(rows, get_string(row, "machine_id"), name, sizeof(name)),
                                get_boolean(row, "here") ? " (here)" : "", get_string(row, "why"));
        }
        if (json_array_size(rows) == 0)
                say("            No machine is known yet.");
}

bool all_machines_too_few(Ctl *ctl, const UnitOptions *options, char text[static TOO_FEW_SIZE]) {
        json_auto_t *machines = NULL, *manager = NULL;
        size_t n;

        if (options->config.slots < 2 || bus_leased_runs(ctl->bus) <= 0 ||
                        machines_ask(ctl->bus, &machines, &manager, NULL) < 0)
                return false;
        n = json_array_size(machines);
        if (n == 0 || n >= options->config.slots)
                return false;
        (void) snprintf(text, TOO_FEW_SIZE, "Copies=%u: a machine runs one copy, and only %zu take%s part",
                        options->config.slots, n, n == 1 ? "s" : "");
        return true;
}
