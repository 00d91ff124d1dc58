/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/machine-name.h"

#include <stdio.h>

#include "daemon/loop.h"

struct FindMachine {
        const char *machine_id;
        char hostname[HOSTNAME_SIZE];
};

static int match_machine(const MachineView *m, void *userdata) {
        struct FindMachine *find = userdata;

        if (!streq(m->machine_id, find->machine_id))
                return 0;
        str_copy(find->hostname, sizeof(find->hostname), m->record ? m->record->hostname : "");
        return 1;
}

const char *machine_name(Core *core, const char *machine_id, char *buf, size_t size) {
        struct FindMachine find = { .machine_id = machine_id };

        if (isempty(machine_id)) {
                str_copy(buf, size, "nobody");
                return buf;
        }
        (void) core_each_machine(core, loop_now(), match_machine, &find);
        if (find.hostname[0])
                (void) snprintf(buf, size, "%s (%.8s)", find.hostname, machine_id);
        else
                (void) snprintf(buf, size, "machine %.8s", machine_id);
        return buf;
}

const char *machine_host(Core *core, const char *machine_id, char *buf, size_t size) {
        struct FindMachine find = { .machine_id = machine_id };

        (void) core_each_machine(core, loop_now(), match_machine, &find);
        if (!find.hostname[0])
                return machine_name(core, machine_id, buf, size);
        str_copy(buf, size, find.hostname);
        return buf;
}
