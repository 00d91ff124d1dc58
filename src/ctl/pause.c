/* SPDX-License-Identifier: Apache-2.0 */

/* leasectl pause, resume: for work on the registry nobody takes a lease, and every unit stays where it is. */

#include "ctl/pause.h"

#include "ctl/bus.h"
#include "ctl/output.h"
#include "ctl/registry.h"

bool pause_waits_for_all(const json_t *manager) {
        return get_boolean(manager, "PausedUntilConfirmed");
}

bool pause_text(const json_t *manager, char *buf, size_t size) {
        const char *word = get_string(manager, "Paused"), *by = get_string(manager, "PausedBy");
        usec_t since = (usec_t) get_integer(manager, "PausedSinceUSec");
        char stamp[64] = "";

        if (!*word)
                return false;
        if (since > 0)
                (void) format_since(stamp, sizeof(stamp), since);
        (void) snprintf(buf, size, "%s%s%s%s%s%s", streq(word, "on") ? "paused" : "pause is ending",
                        *stamp ? " since " : "", stamp, *by ? " by " : "", by,
                        streq(word, "on") || !pause_waits_for_all(manager) ? "" : ": no lease moves " PAUSE_WAITS);
        return true;
}

void pause_print(const Ctl *ctl, const json_t *manager) {
        char text[200];

        if (ctl->json == JSON_OFF && pause_text(manager, text, sizeof(text)))
                say_wrapped(4, "%s%s%s", colour_on(COLOUR_YELLOW), text, colour_off());
}

static int ask(Ctl *ctl, const char *verb, const char *method) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_watch_leased(ctl->bus);

        if (r >= 0)
                r = bus_call(ctl->bus, &bus_leased, method, NULL, &error, NULL);
        return r < 0 ? bus_complain(verb, r, &error) : CTL_OK;
}

/* Reads the word for how the cluster is paused: "on"; "ending", after resume, until all holders beat; "" if it is not;
 * "?" if this is not known. */
static int read_word(Ctl *ctl, const char *verb, char word[static 16]) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        int r = bus_get_manager(ctl->bus, &manager, &error);

        if (r < 0)
                return bus_complain(verb, r, &error);
        str_copy(word, 16, get_string(manager, "Paused"));
        if (!*word && registry_known(manager) != CTL_OK)
                str_copy(word, 16, "?");
        return CTL_OK;
}

int verb_pause(Ctl *ctl, int argc, char **argv) {
        char before[16];
        int code = read_word(ctl, "pause", before);

        if (code == CTL_OK)
                code = ask(ctl, "pause", "Pause");
        if (code == CTL_OK)
                say("paused%s: no lease is taken, every unit stays where it is, until: leasectl resume",
                                streq(before, "on") ? " already" : "");
        return code;
}

/* Says when leases move again, now that the pause ends. */
static const char *when_over(Ctl *ctl) {
        json_auto_t *manager = NULL;

        if (bus_get_manager(ctl->bus, &manager, NULL) >= 0 && pause_waits_for_all(manager))
                return "no lease moves " PAUSE_WAITS;
        return "leases move again once all holders beat, after a TTL at the latest";
}

int verb_resume(Ctl *ctl, int argc, char **argv) {
        char before[16];
        const char *soon;
        int code = read_word(ctl, "resume", before);

        if (code == CTL_OK)
                code = ask(ctl, "resume", "Resume");
        if (code != CTL_OK)
                return code;
        soon = when_over(ctl);
        if (streq(before, "on") || streq(before, "?"))
                say("resumed: %s", soon);
        else if (*before)
                say("resumed already: nothing was paused any more; %s", soon);
        else
                say("resumed: nothing was paused, nothing had to be changed");
        return CTL_OK;
}
