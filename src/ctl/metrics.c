/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl metrics: the state of this machine as Prometheus' text format, for node_exporter's textfile collector or a
 * scraper over SSH. Where leased does not run there is one metric, leased_up 0, and the exit code says so too.
 */

#include <inttypes.h>
#include <stdio.h>

#include "ctl/leases.h"
#include "ctl/machines.h"

static void describe(const char *name, const char *type, const char *help) {
        (void) printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value, with what the format wants escaped. */
static void print_label(const char *key, const char *value, bool first) {
        (void) printf("%s%s=\"", first ? "{" : ",", key);
        for (; *value; value++)
                if (*value == '\n')
                        (void) fputs("\\n", stdout);
                else
                        (void) printf("%s%c", strchr("\\\"", *value) ? "\\" : "", *value);
        (void) putchar('"');
}

static void print_seconds(const char *name, usec_t t) {
        (void) printf("%s %" PRIu64 ".%06" PRIu64 "\n", name, t / USEC_PER_SEC, t % USEC_PER_SEC);
}

static void print_manager(const Ctl *ctl, const json_t *manager) {
        usec_t beat = (usec_t) get_integer(manager, "LastBeatUSec"), now = now_boottime();

        describe("leased_info", "gauge", "What this machine is, as labels.");
        (void) fputs("leased_info", stdout);
        print_label("version", get_string(manager, "Version"), true);
        print_label("machine_id", get_string(manager, "MachineID"), false);
        print_label("registry", get_string(manager, "Registry"), false);
        (void) puts("} 1");
        describe("leased_registry_ok", "gauge", "1 if the registry's last request was answered.");
        (void) printf("leased_registry_ok %d\n", streq(get_string(manager, "RegistryState"), "ok"));
        describe("leased_competing", "gauge", "1 if this machine takes leases.");
        (void) printf("leased_competing %d\n", !*get_string(manager, "WhyNot"));
        describe("leased_draining", "gauge", "1 if this machine is draining.");
        (void) printf("leased_draining %d\n", get_boolean(manager, "Draining"));
        describe("leased_held", "gauge", "Leases of units that this machine holds.");
        (void) printf("leased_held %" JSON_INTEGER_FORMAT "\n", get_integer(manager, "Held"));
        describe("leased_lost_acquires_total", "counter", "Leases that were asked for while another machine was faster.");
        (void) printf("leased_lost_acquires_total %" JSON_INTEGER_FORMAT "\n", get_integer(manager, "LostAcquires"));
        describe("leased_ttl_seconds", "gauge", "TTL of the present session.");
        print_seconds("leased_ttl_seconds", (usec_t) get_integer(manager, "TTLUSec"));
        describe("leased_round_trip_seconds", "gauge", "How long the registry took to answer the last beat.");
        print_seconds("leased_round_trip_seconds", (usec_t) get_integer(manager, "RoundTripUSec"));
        if (beat > 0 && !ctl->host && now >= beat) {
                describe("leased_last_beat_age_seconds", "gauge", "Time since the last committed beat was sent.");
                print_seconds("leased_last_beat_age_seconds", now - beat);
        }
}

static void print_unit(const char *name, const char *unit) {
        (void) fputs(name, stdout);
        print_label("unit", unit, true);
}

static void print_units(const json_t *units) {
        json_t *unit;
        size_t i;

        describe("leased_unit_state", "gauge", "1 for the state that this machine sees the unit in.");
        json_array_foreach((json_t *) units, i, unit) {
                print_unit("leased_unit_state", get_string(unit, "unit"));
                print_label("state", get_string(unit, "state"), false);
                (void) puts("} 1");
        }
        describe("leased_unit_held", "gauge", "1 if this machine holds the unit's lease.");
        json_array_foreach((json_t *) units, i, unit) {
                print_unit("leased_unit_held", get_string(unit, "unit"));
                (void) printf("} %d\n", get_boolean(unit, "local"));
        }
        describe("leased_unit_active", "gauge", "1 if the unit is active on this machine.");
        json_array_foreach((json_t *) units, i, unit) {
                print_unit("leased_unit_active", get_string(unit, "unit"));
                (void) printf("} %d\n", streq(get_string(unit, "active_state"), "active"));
        }
        describe("leased_unit_index", "counter", "The fencing token of the unit's lease.");
        json_array_foreach((json_t *) units, i, unit) {
                print_unit("leased_unit_index", get_string(unit, "unit"));
                (void) printf("} %" JSON_INTEGER_FORMAT "\n", get_integer(unit, "index"));
        }
}

static void print_machines(const json_t *machines) {
        json_t *machine;
        size_t i;

        describe("leased_machine_up", "gauge", "1 if the machine has beaten within its TTL, as this one sees it.");
        json_array_foreach((json_t *) machines, i, machine) {
                (void) fputs("leased_machine_up", stdout);
                print_label("machine_id", get_string(machine, "machine_id"), true);
                print_label("hostname", get_string(machine, "hostname"), false);
                (void) printf("} %d\n", get_boolean(machine, "up"));
        }
}

int verb_metrics(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL, *units = NULL, *machines = NULL;
        int r = bus_get_all(ctl->bus, LEASED_NAME, LEASED_PATH, LEASED_MANAGER, &manager, &error), code = CTL_OK;

        if (r >= 0)
                code = units_read(ctl, &units);
        if (r >= 0 && code == CTL_OK)
                code = machines_read(ctl, &machines);
        describe("leased_up", "gauge", "1 if leased answers.");
        (void) printf("leased_up %d\n", r >= 0 && code == CTL_OK);
        if (r < 0)
                return bus_complain("metrics", r, &error);
        if (code != CTL_OK)
                return code;
        print_manager(ctl, manager);
        print_units(units);
        print_machines(machines);
        return CTL_OK;
}
