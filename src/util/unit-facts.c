/* SPDX-License-Identifier: Apache-2.0 */
#include "util/unit-facts.h"

#include "util/strv.h"
#include "util/unit-name.h"

const UnitForbidding unit_forbiddings[_UNIT_FORBID_MAX] = {
        [UNIT_FORBID_MANUAL_STOP] = { "RefuseManualStop", NULL, false, true },
        [UNIT_FORBID_SUCCESS_ACTION] = { "SuccessAction", NULL, true, true },
        [UNIT_FORBID_LAZY_UNMOUNT] = { "LazyUnmount", "mount", false, true },
        [UNIT_FORBID_MANUAL_START] = { "RefuseManualStart", NULL, false, false },
        [UNIT_FORBID_UNNEEDED] = { "StopWhenUnneeded", NULL, false, false },
};

bool unit_facts_is_gate(const char *type, bool trigger, bool negate, const char *parameter, const char *gate) {
        return streq(type, "AssertPathExists") && !trigger && !negate && streq(parameter, gate);
}

bool unit_facts_gate_loaded(const UnitFacts *f, const char *name) {
        return f->gate_asserted && f->guard_bound && !f->need_reload && streq(f->load_state, "loaded") &&
               streq(f->id, name);
}

bool unit_facts_pulls(const char *property) {
        static const char *const pulling[] = { "Wants", "Requires", "BindsTo", "Upholds" };

        for (size_t i = 0; i < ELEMENTSOF(pulling); i++)
                if (streq(property, pulling[i]))
                        return true;
        return false;
}

static int add_template(const char *socket, char ***list) {
        char template[UNIT_NAME_SPACE];

        /* If the template's name is too long, PID 1 cannot start its instances either. */
        return unit_name_of_connections(socket, template) < 0 ? 0 : strv_add(list, template);
}

int unit_facts_add_covered(const UnitFacts *f, const char *name, char ***list) {
        bool bundle = endswith(name, ".target"), starts = endswith(name, ".service") || endswith(name, ".mount");
        char *const *each = bundle || starts ? f->bound_by : f->triggers;
        int r = 0;

        if (endswith(name, ".socket") && f->accept) {
                r = add_template(name, list);
                each = NULL;
        }
        for (; r >= 0 && each && *each; each++)
                if (!starts || strv_contains(f->pulled, *each))
                        r = strv_add(list, *each);
        return r < 0 ? r : 0;
}
