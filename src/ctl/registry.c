/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl registry: shows which registry this machine goes by, where the registry is, and in which state it is.
 * leasectl registry accept UUID: accepts another registry, after the registry was replaced.
 * leasectl registry forget LEASE [INDEX]: forgets the Index that this machine remembers, after a record said a wrong
 * one. With the Index of the last holder, the record itself is put right first.
 *
 * Three things are kept apart: an error of the registry (on its own line, and since when); something that keeps this
 * machine from taking leases until an operator acts; and a mere remark on what is being waited for.
 */

#include "ctl/registry.h"

#include <errno.h>
#include <stdio.h>

#include "conf/conf.h"
#include "ctl/bus.h"
#include "ctl/output.h"
#include "ctl/polkit-agent.h"
#include "util/shell-word.h"

const char *registry_local_note(const char *directory, char *buf, size_t size) {
        if (isempty(directory) || streq(directory, LOCAL_DIRECTORY))
                str_copy(buf, size, "Registry=local excludes nobody outside this machine");
        else
                (void) snprintf(buf, size, "Registry=local excludes only those who share %s", directory);
        return buf;
}

/* Whether the last error of the registry still counts. Reads may be answered while no beat comes through, so an
 * error that is newer than the last beat counts, too. */
static bool error_matters(const Ctl *ctl, const json_t *manager) {
        usec_t beat = (usec_t) get_integer(manager, "LastBeatUSec"),
               at = (usec_t) get_integer(manager, "RegistryErrorUSec"), boottime = now_boottime();

        if (!*get_string(manager, "RegistryError"))
                return false;
        if (!streq(get_string(manager, "RegistryState"), "ok") &&
                        !streq(get_string(manager, "RegistryState"), "foreign"))
                return true;
        return !ctl->host && beat > 0 && at > usec_sub(now_realtime(), usec_sub(boottime, beat));
}

static void print_error(const json_t *manager, bool present) {
        usec_t at = (usec_t) get_integer(manager, "RegistryErrorUSec");
        char text[128];

        print_field(present ? "Error" : "Last error", "%s%s%s", colour_on(present ? COLOUR_RED : COLOUR_NONE),
                        get_string(manager, "RegistryError"), present ? colour_off() : "");
        if (at > 0)
                print_field(present ? "Error seen" : "At", "%s", format_since(text, sizeof(text), at));
}

void registry_print_beat(const Ctl *ctl, const json_t *manager) {
        usec_t beat = (usec_t) get_integer(manager, "LastBeatUSec"),
               trip = (usec_t) get_integer(manager, "RoundTripUSec"), now = now_boottime();
        char ago[32], answered[32];

        (void) format_span(answered, sizeof(answered), trip);
        if (trip > 0 && trip < USEC_PER_MSEC)
                str_copy(answered, sizeof(answered), "under 1ms");
        if (beat == 0)
                print_field("Last beat", "none yet");
        else if (ctl->host || beat > now) /* CLOCK_BOOTTIME has a meaning only on its own machine */
                print_field("Last beat", "answered in %s", answered);
        else
                print_field("Last beat", "%s ago, answered in %s", format_span(ago, sizeof(ago), now - beat),
                                answered);
        if (*get_string(manager, "RegistryError") && !error_matters(ctl, manager))
                print_error(manager, false);
}

static void print_competing(const json_t *manager) {
        const char *why = get_string(manager, "WhyNot"), *found = get_string(manager, "RegistryFoundUUID");

        if (*found) {
                print_field("Found", "%s%s%s, another registry than %s", colour_on(COLOUR_RED), found, colour_off(),
                                get_string(manager, "RegistryUUID"));
                print_field("", "if it is the right one: leasectl registry accept %s", found);
        } else if (*why)
                print_field("No leases now", "%s%s%s", colour_on(COLOUR_YELLOW), why, colour_off());
}

/* Prints the endpoint in use, and all endpoints. */
static void print_endpoints(const json_t *manager) {
        const json_t *endpoints = json_object_get(manager, "RegistryEndpoints");
        json_t *endpoint;
        size_t i;

        if (*get_string(manager, "RegistryEndpoint"))
                print_field("Endpoint", "%s", get_string(manager, "RegistryEndpoint"));
        if (json_array_size(endpoints) > 1)
                json_array_foreach((json_t *) endpoints, i, endpoint)
                        print_field(i == 0 ? "Of" : "", "%s", strempty(json_string_value(endpoint)));
        if (*get_string(manager, "RegistryVersion"))
                print_field("Server", "%s %s", get_string(manager, "Registry"),
                                get_string(manager, "RegistryVersion"));
}

int registry_known(const json_t *manager) {
        return get_boolean(manager, "Known") ? CTL_OK : CTL_UNKNOWN;
}

int registry_refuse_unknown(Ctl *ctl, const char *verb) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        int r = bus_get_manager(ctl->bus, &manager, &error);

        if (r < 0)
                return bus_complain(verb, r, &error);
        if (registry_known(manager) == CTL_OK)
                return CTL_OK;
        complain("%s: who holds what is not known now, see: leasectl registry", verb);
        return CTL_UNKNOWN;
}

void registry_print_state(const Ctl *ctl, const json_t *manager) {
        const char *state = get_string(manager, "RegistryState");
        Colour colour = streq(state, "ok") ? COLOUR_GREEN : streq(state, "connecting") ? COLOUR_YELLOW : COLOUR_RED;
        usec_t since = (usec_t) get_integer(manager, "RegistrySinceUSec");
        char text[128] = "", note[512];

        if (since > 0 && !streq(state, "ok"))
                (void) format_since(text, sizeof(text), since);
        print_field("Registry", "%s, %s%s%s%s%s", get_string(manager, "Registry"), colour_on(colour),
                        streq(state, "foreign") ? "not accepted" : state, colour_off(), *text ? " since " : "", text);
        print_endpoints(manager);
        if (error_matters(ctl, manager))
                print_error(manager, true);
        print_competing(manager);
        if (*get_string(manager, "RegistryWarning"))
                print_field("Warning", "%s%s%s", colour_on(COLOUR_YELLOW), get_string(manager, "RegistryWarning"),
                                colour_off());
        if (*get_string(manager, "RegistryNote"))
                print_field("Note", "%s", get_string(manager, "RegistryNote"));
        if (streq(get_string(manager, "Registry"), "local"))
                print_field("Note", "%s",
                                registry_local_note(get_string(manager, "RegistryEndpoint"), note, sizeof(note)));
}

static void print_all(const Ctl *ctl, const json_t *manager) {
        registry_print_state(ctl, manager);
        print_field("UUID", "%s", *get_string(manager, "RegistryUUID") ? get_string(manager, "RegistryUUID") : "-");
        print_field("Store", "%s", *get_string(manager, "RegistryStore") ? get_string(manager, "RegistryStore") : "-");
        registry_print_beat(ctl, manager);
}

static json_t *for_programs(const json_t *manager) {
        static const char *const members[][2] = {
                { "kind", "Registry" },
                { "state", "RegistryState" },
                { "since_usec", "RegistrySinceUSec" },
                { "endpoint", "RegistryEndpoint" },
                { "endpoints", "RegistryEndpoints" },
                { "version", "RegistryVersion" },
                { "uuid", "RegistryUUID" },
                { "store", "RegistryStore" },
                { "found_uuid", "RegistryFoundUUID" },
                { "found_store", "RegistryFoundStore" },
                { "error", "RegistryError" },
                { "error_usec", "RegistryErrorUSec" },
                { "warning", "RegistryWarning" },
                { "note", "RegistryNote" },
                { "why_not", "WhyNot" },
                { "why_not_code", "WhyNotCode" },
                { "last_beat_usec", "LastBeatUSec" },
                { "round_trip_usec", "RoundTripUSec" },
        };
        json_t *object = json_object();

        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                (void) json_object_set(object, members[i][0], json_object_get(manager, members[i][1]));
        return object;
}

static int accept_registry(Ctl *ctl, const json_t *manager, const char *uuid) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *found = get_string(manager, "RegistryFoundUUID");
        int r;

        if (!*found && *uuid && streq(get_string(manager, "RegistryUUID"), uuid)) {
                say("%s: is the registry that this machine goes by, nothing is to be accepted", uuid);
                return CTL_OK;
        }
        polkit_agent_open(ctl);
        r = bus_call(ctl->bus, &bus_leased, "AcceptRegistry", NULL, &error, "s", uuid);
        if (r < 0)
                return bus_complain("registry accept", r, &error);
        say("%s: accepted; this machine starts nothing for 61.2s, until nobody can still run by the old one", uuid);
        return CTL_OK;
}

static int forget_index(Ctl *ctl, const char *lease) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *reply = NULL;
        int r;

        polkit_agent_open(ctl);
        r = bus_call(ctl->bus, &bus_leased, "ForgetIndex", &reply, &error, "s", lease);
        if (r < 0)
                return bus_complain("registry forget", r, &error);
        say("%s: Index %" JSON_INTEGER_FORMAT " is forgotten here; its record says %" JSON_INTEGER_FORMAT, lease,
                        json_integer_value(json_array_get(reply, 0)), json_integer_value(json_array_get(reply, 1)));
        return CTL_OK;
}

/* Has the record say the Index of the last holder, and forgets the wrong one here. The other machines remember it. */
static int put_index_back(Ctl *ctl, const char *lease, uint64_t index) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r, code;

        polkit_agent_open(ctl);
        r = bus_call(ctl->bus, &bus_leased, "LowerIndex", NULL, &error, "st", lease, index);
        if (r < 0)
                return bus_complain("registry forget", r, &error);
        code = forget_index(ctl, lease);
        say("%s; on each of them: leasectl registry forget %s",
                        code == CTL_OK ? "The other machines remember it" : "All machines remember the Index",
                        SHELL_WORD(lease));
        return code;
}

/* An Index as it is typed: digits only. */
static bool read_index(const char *text, uint64_t *ret) {
        char *end;

        if (!*text || text[strspn(text, "0123456789")])
                return false;
        errno = 0;
        *ret = strtoull(text, &end, 10);
        return errno == 0;
}

int verb_registry(Ctl *ctl, int argc, char **argv) {
        bool accept = argc == 2 && streq(argv[0], "accept"), forget = argc >= 2 && streq(argv[0], "forget");
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        uint64_t index = 0;
        int r;

        if ((argc > 0 && !accept && !forget) || (forget && argc == 3 && !read_index(argv[2], &index))) {
                complain("usage: leasectl registry [accept UUID|forget LEASE [INDEX]]");
                return CTL_USAGE;
        }
        if (forget)
                return argc == 3 ? put_index_back(ctl, argv[1], index) : forget_index(ctl, argv[1]);
        r = bus_get_manager(ctl->bus, &manager, &error);
        if (r < 0)
                return bus_complain("registry", r, &error);
        if (argc > 0)
                return accept_registry(ctl, manager, argv[1]);
        if (ctl->json != JSON_OFF) {
                json_auto_t *object = for_programs(manager);

                print_json(ctl, object);
        } else
                print_all(ctl, manager);
        return CTL_OK;
}
