/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl metrics: prints the state of this machine in the text format of Prometheus, for the textfile collector of
 * node_exporter or for a scraper over SSH. If leased does not run, the only metric is leased_up 0, and the exit code
 * says so too. What this machine does not know is left out: a 0 would be a lie.
 */

#include <inttypes.h>

#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "util/text.h"

enum {
        LABEL_SIZE = 1024,
};

static void describe(const char *name, const char *type, const char *help) {
        say("# HELP %s %s", name, help);
        say("# TYPE %s %s", name, type);
}

/* Writes the value of a label into buf as text that can be shown, escaped as the format demands, and returns buf.
 */
static const char *label(const char *value, char buf[static LABEL_SIZE]) {
        char clean[LABEL_SIZE];
        size_t at = 0;

        (void) text_clean(clean, sizeof(clean), value);
        for (const char *p = clean; *p && at + 2 < LABEL_SIZE; p++) {
                if (*p == '\\' || *p == '"')
                        buf[at++] = '\\';
                buf[at++] = *p;
        }
        buf[at] = '\0';
        return buf;
}

static void print_seconds(const char *name, usec_t t) {
        say("%s %" PRIu64 ".%06" PRIu64, name, t / USEC_PER_SEC, t % USEC_PER_SEC);
}

static void print_manager(const Ctl *ctl, const json_t *manager) {
        usec_t beat = (usec_t) get_integer(manager, "LastBeatUSec"), now = now_boottime();
        bool known = get_boolean(manager, "Known");
        char version[LABEL_SIZE], machine[LABEL_SIZE], registry[LABEL_SIZE];

        describe("leased_info", "gauge", "What this machine is, as labels.");
        say("leased_info{version=\"%s\",machine_id=\"%s\",registry=\"%s\"} 1",
                        label(get_string(manager, "Version"), version),
                        label(get_string(manager, "MachineID"), machine),
                        label(get_string(manager, "Registry"), registry));
        describe("leased_registry_ok", "gauge", "1 if the registry's last request was answered.");
        say("leased_registry_ok %d", streq(get_string(manager, "RegistryState"), "ok"));
        describe("leased_competing", "gauge", "1 if this machine takes leases.");
        say("leased_competing %d", !*get_string(manager, "WhyNot"));
        describe("leased_draining", "gauge", "1 if this machine is draining.");
        say("leased_draining %d", get_boolean(manager, "Draining"));
        if (known || *get_string(manager, "Paused")) {
                describe("leased_paused", "gauge", "1 while the cluster is paused, and no lease is taken.");
                say("leased_paused %d", *get_string(manager, "Paused") != '\0');
        }
        describe("leased_keeps", "gauge", "1 while this machine keeps what it holds without the registry.");
        say("leased_keeps %d", get_boolean(manager, "Keeps"));
        if (known || get_integer(manager, "Held") > 0) {
                describe("leased_held", "gauge", "Leases of units that this machine holds.");
                say("leased_held %" JSON_INTEGER_FORMAT, get_integer(manager, "Held"));
        }
        describe("leased_lost_acquires_total", "counter",
                        "Leases that were asked for while another machine was faster.");
        say("leased_lost_acquires_total %" JSON_INTEGER_FORMAT, get_integer(manager, "LostAcquires"));
        describe("leased_configuration_errors", "gauge",
                        "Bad lines in leased.conf and in options of units, which are not in force.");
        say("leased_configuration_errors %zu", json_array_size(json_object_get(manager, "ConfigurationErrors")));
        describe("leased_ttl_seconds", "gauge", "TTL of the present session.");
        print_seconds("leased_ttl_seconds", (usec_t) get_integer(manager, "TTLUSec"));
        describe("leased_round_trip_seconds", "gauge", "How long the registry took to answer the last beat.");
        print_seconds("leased_round_trip_seconds", (usec_t) get_integer(manager, "RoundTripUSec"));
        describe("leased_longest_turn_seconds", "gauge",
                        "How long leased was busy at one stretch at most, and could send no beat.");
        print_seconds("leased_longest_turn_seconds", (usec_t) get_integer(manager, "LongestTurnUSec"));
        describe("leased_longest_turn_cpu_seconds", "gauge",
                        "The most processor time that leased has taken at one stretch.");
        print_seconds("leased_longest_turn_cpu_seconds", (usec_t) get_integer(manager, "LongestTurnCPUUSec"));
        if (beat > 0 && !ctl->host && now >= beat) {
                describe("leased_last_beat_age_seconds", "gauge", "Time since the last committed beat was sent.");
                print_seconds("leased_last_beat_age_seconds", now - beat);
        }
}

static usec_t counted(const json_t *counters, const char *name) {
        return (usec_t) get_integer(counters, name);
}

/* Prints the counters "moves.REASON", each with its reason as a label. */
static void print_moves(const json_t *counters) {
        static const char prefix[] = "moves.";
        const char *name;
        json_t *value;

        describe("leased_moves_total", "counter",
                        "Leases that went from this machine, or whose unit was stopped for want of a beat, by "
                        "reason.");
        json_object_foreach((json_t *) counters, name, value)
                if (startswith(name, prefix))
                        say("leased_moves_total{reason=\"%s\"} %" JSON_INTEGER_FORMAT, name + strlen(prefix),
                                        json_integer_value(value));
}

/* Prints the counters "renewals_within.USEC" as the buckets of a histogram. They are cumulative, as Prometheus wants
 * buckets to be. */
static void print_renewals(const json_t *counters) {
        static const char prefix[] = "renewals_within.";
        usec_t n = counted(counters, "renewals");
        const char *name;
        json_t *value;

        describe("leased_renewal_seconds", "histogram", "How long the registry took to answer a beat.");
        json_object_foreach((json_t *) counters, name, value)
                if (startswith(name, prefix)) {
                        usec_t bound = strtoull(name + strlen(prefix), NULL, 10);

                        say("leased_renewal_seconds_bucket{le=\"%" PRIu64 ".%06" PRIu64 "\"} %" JSON_INTEGER_FORMAT,
                                        bound / USEC_PER_SEC, bound % USEC_PER_SEC, json_integer_value(value));
                }
        say("leased_renewal_seconds_bucket{le=\"+Inf\"} %" PRIu64, n);
        print_seconds("leased_renewal_seconds_sum", counted(counters, "renewals_usec"));
        say("leased_renewal_seconds_count %" PRIu64, n);
}

static void print_counters(const json_t *counters) {
        print_moves(counters);
        print_renewals(counters);
        describe("leased_alarms_total", "counter", "Units that were active here without their lease.");
        say("leased_alarms_total %" PRIu64, counted(counters, "alarms"));
        describe("leased_stuck", "gauge", "Units that should leave this machine while there is no other that fits.");
        say("leased_stuck %" PRIu64, counted(counters, "stuck"));
        describe("leased_registry_outage_seconds_total", "counter", "How long the registry did not answer.");
        print_seconds("leased_registry_outage_seconds_total", counted(counters, "registry_outage_usec"));
        describe("leased_unit_outage_seconds_total", "counter",
                        "How long units ran nowhere before they were started on this machine.");
        print_seconds("leased_unit_outage_seconds_total", counted(counters, "unit_outage_usec"));
        if (json_object_get(counters, "deadline_margin_usec")) {
                describe("leased_deadline_margin_seconds", "gauge",
                                "How much of the TTL was left at the worst moment of the last minute.");
                print_seconds("leased_deadline_margin_seconds", counted(counters, "deadline_margin_usec"));
        }
}

static void print_unit(const char *name, const json_t *unit, json_int_t value) {
        char text[LABEL_SIZE];

        say("%s{unit=\"%s\"} %" JSON_INTEGER_FORMAT, name, label(get_string(unit, "unit"), text), value);
}

/* Whether the unit is at work on this machine. A Type=oneshot unit is activating while its job runs; one that systemd
 * will restart later is activating, too, and nothing of it runs. */
static bool is_at_work(Ctl *ctl, const json_t *unit) {
        const char *active = get_string(unit, "active_state");
        json_auto_t *props = NULL;

        if (!streq(active, "activating"))
                return streq(active, "active") || streq(active, "reloading");
        return bus_get_unit(ctl->bus, get_string(unit, "unit"), &props, NULL) >= 0 &&
               !startswith(get_string(props, "SubState"), "auto-restart");
}

static void print_units(Ctl *ctl, const json_t *units) {
        char name[LABEL_SIZE], state[LABEL_SIZE];
        json_t *unit;
        size_t i;

        describe("leased_unit_state", "gauge", "1 for the state that this machine sees the unit in.");
        json_array_foreach((json_t *) units, i, unit)
                say("leased_unit_state{unit=\"%s\",state=\"%s\"} 1", label(get_string(unit, "unit"), name),
                                label(get_string(unit, "state"), state));
        describe("leased_unit_held", "gauge", "1 if this machine holds the unit's lease.");
        json_array_foreach((json_t *) units, i, unit)
                if (!json_is_null(json_object_get(unit, "held")))
                        print_unit("leased_unit_held", unit, get_boolean(unit, "local"));
        describe("leased_unit_active", "gauge",
                        "1 if the unit is active on this machine, or is being started or reloaded.");
        json_array_foreach((json_t *) units, i, unit)
                if (!streq(get_string(unit, "active_state"), "unknown"))
                        print_unit("leased_unit_active", unit, is_at_work(ctl, unit));
        describe("leased_unit_index", "gauge", "The fencing token of the unit's lease.");
        json_array_foreach((json_t *) units, i, unit)
                if (!json_is_null(json_object_get(unit, "held")) || get_integer(unit, "index") > 0)
                        print_unit("leased_unit_index", unit, get_integer(unit, "index"));
}

static void print_machines(const json_t *machines) {
        char id[LABEL_SIZE], name[LABEL_SIZE];
        json_t *machine;
        size_t i;

        describe("leased_machine_up", "gauge", "1 if the machine has beaten within its TTL, as this one sees it.");
        json_array_foreach((json_t *) machines, i, machine)
                if (!json_is_null(json_object_get(machine, "up")))
                        say("leased_machine_up{machine_id=\"%s\",hostname=\"%s\"} %d",
                                        label(get_string(machine, "machine_id"), id),
                                        label(get_string(machine, "hostname"), name), get_boolean(machine, "up"));
}

/* Leaves out the units of "leasectl run": each command has a unit of another name, so there would be no end of
 * series. */
static void forget_runs(json_t *units) {
        for (size_t i = json_array_size(units); i > 0; i--)
                if (startswith(get_string(json_array_get(units, i - 1), "unit"), "leased-run-"))
                        (void) json_array_remove(units, i - 1);
}

int verb_metrics(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL, *units = NULL, *machines = NULL;
        int r = bus_get_manager(ctl->bus, &manager, &error), code = CTL_OK;

        say_whole_lines();
        if (r >= 0)
                code = unit_states_read(ctl, manager, &units);
        if (r >= 0 && code == CTL_OK)
                code = machines_read(ctl, &machines);
        describe("leased_up", "gauge", "1 if leased answers.");
        say("leased_up %d", r >= 0 && code == CTL_OK);
        if (r < 0)
                return bus_complain("metrics", r, &error);
        if (code != CTL_OK)
                return code;
        print_manager(ctl, manager);
        print_counters(json_object_get(manager, "Counters"));
        forget_runs(units);
        print_units(ctl, units);
        print_machines(machines);
        return CTL_OK;
}
