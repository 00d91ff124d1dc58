/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1's answer about a unit: properties drawn from those that matter and from others, of the types that they should
 * have and of others, in any order and number. It is decoded or refused; what is decoded is text that ends, and states
 * that exist.
 */
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "fuzz.h"
#include "pid1/pid1-status.h"
#include "util/strv.h"

static const char *const properties[] = { "Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Result",
        "ControlGroup", "NeedDaemonReload", "Job", "InvocationID", "BindsTo", "TimeoutStopUSec", "TimeoutUSec",
        "Asserts", "NRestarts", "Triggers", "Persistent", "LastTriggerUSec", "InactiveEnterTimestamp", "BoundBy",
        "Accept", "SomethingNew", "Requires", "ConsistsOf", "StopWhenUnneeded", "MainPID", "Slice", "PartOf",
        "Conflicts", "ConflictedBy", "Requisite", "StopPropagatedFrom", "Upholds", "OOMPolicy" };
static const char *const words[] = { "a.service", "loaded", "active", "failed", "inactive", "activating", "success",
        "exit-code", "/run/leased/held/a.service", "leased-guard.service", "AssertPathExists", "", "/system.slice",
        "/system.slice/a.service", "a@.service", "b.timer" };

static sd_bus *bus;

/* A connection that leads nowhere: messages want one to belong to. */
static void connect_to_nowhere(void) {
        int fds[2];

        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        must(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fds[0], fds[0]) >= 0 && sd_bus_start(bus) >= 0);
}

static const char *pick_word(Input *in) {
        return words[input_byte(in) % ELEMENTSOF(words)];
}

static void append_words(sd_bus_message *m, Input *in) {
        must(sd_bus_message_open_container(m, 'v', "as") >= 0 && sd_bus_message_open_container(m, 'a', "s") >= 0);
        for (unsigned n = input_byte(in) % 5; n > 0; n--)
                must(sd_bus_message_append(m, "s", pick_word(in)) >= 0);
        must(sd_bus_message_close_container(m) >= 0 && sd_bus_message_close_container(m) >= 0);
}

static void append_asserts(sd_bus_message *m, Input *in) {
        must(sd_bus_message_open_container(m, 'v', "a(sbbsi)") >= 0 &&
                        sd_bus_message_open_container(m, 'a', "(sbbsi)") >= 0);
        for (unsigned n = input_byte(in) % 4; n > 0; n--) {
                uint8_t bits = input_byte(in);

                must(sd_bus_message_append(m, "(sbbsi)", pick_word(in), bits & 1, bits & 2, pick_word(in), 0) >= 0);
        }
        must(sd_bus_message_close_container(m) >= 0 && sd_bus_message_close_container(m) >= 0);
}

static void append_value(sd_bus_message *m, Input *in) {
        int r;

        switch (input_byte(in) % 10) {
        case 0:
        case 1:
                r = sd_bus_message_append(m, "v", "s", pick_word(in));
                break;
        case 2:
                r = sd_bus_message_append(m, "v", "b", input_byte(in) % 2);
                break;
        case 3:
                r = sd_bus_message_append(m, "v", "t", input_number(in, 8));
                break;
        case 4:
                r = sd_bus_message_append(m, "v", "u", (uint32_t) input_number(in, 4));
                break;
        case 5:
                r = sd_bus_message_append(m, "v", "(uo)", (uint32_t) input_byte(in), "/");
                break;
        case 6:
                r = sd_bus_message_append(m, "v", "ay", 3, 1, 2, 3);
                break;
        case 7:
                r = sd_bus_message_append(m, "v", "ay", 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
                break;
        case 8:
                append_words(m, in);
                return;
        default:
                append_asserts(m, in);
                return;
        }
        must(r >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        sd_bus_message *m = NULL;
        Pid1Answer answer = {};
        Input in = { data, size };

        if (!bus)
                connect_to_nowhere();
        must(sd_bus_message_new_signal(bus, &m, "/", "a.b", "C") >= 0 &&
                        sd_bus_message_open_container(m, 'a', "{sv}") >= 0);
        while (in.size > 0) {
                must(sd_bus_message_open_container(m, 'e', "sv") >= 0);
                must(sd_bus_message_append(m, "s", properties[input_byte(&in) % ELEMENTSOF(properties)]) >= 0);
                append_value(m, &in);
                must(sd_bus_message_close_container(m) >= 0);
        }
        must(sd_bus_message_close_container(m) >= 0 && sd_bus_message_seal(m, 1, 0) >= 0);
        if (pid1_unit_answer_decode(m, "a.service", "/run/leased/held/a.service", "leased-guard.service", &answer) >=
                        0) {
                must((unsigned) answer.status.active < _UNIT_ACTIVE_MAX);
                must(strnlen(answer.status.sub_state, sizeof(answer.status.sub_state)) <
                                sizeof(answer.status.sub_state));
                must(!answer.control_group || strlen(answer.control_group) < 65536);
                for (size_t i = 0; i < answer.related.n; i++)
                        must(answer.related.list[i].relations > 0 && answer.related.list[i].name);
                strv_free(answer.covers);
                relations_done(&answer.related);
        }
        (void) sd_bus_message_unref(m);
        return 0;
}
