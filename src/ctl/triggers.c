/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/triggers.h"

#include <stdio.h>

#include "ctl/bus.h"
#include "ctl/finding.h"
#include "ctl/files.h"
#include "ctl/pid1.h"
#include "util/strv.h"
#include "util/unit-name.h"

/* ---- who they may be ---- */

/* Adds the triggers that start this instance because they have its name, unless their file says otherwise. There
 * may be no file with the name of the instance, only one of a template. Triggers with a Unit= are found under their
 * own names. */
static int add_namesakes(const Ctl *ctl, const char *name, char ***names) {
        static const char *const types[] = { ".timer", ".socket", ".path" };
        const char *dot = strrchr(name, '.');
        char template[UNIT_NAME_SPACE];
        int r = 0;

        if (unit_name_template(name, template) < 0)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(types) && r >= 0 && endswith(name, ".service"); i++) {
                char each[300];

                (void) snprintf(each, sizeof(each), "%.*s%s", (int) (strrchr(template, '.') - template), template,
                                types[i]);
                if (!strv_contains(ctl->trigger_templates, each))
                        continue;
                (void) snprintf(each, sizeof(each), "%.*s%s", (int) (dot - name), name, types[i]);
                r = strv_add(names, each);
        }
        return r;
}

static int add_known(const json_t *unit, char ***names) {
        json_t *value;
        size_t i;
        int r = 0;

        json_array_foreach(json_object_get(unit, "TriggeredBy"), i, value) {
                if (r >= 0)
                        r = strv_add(names, strempty(json_string_value(value)));
        }
        return r;
}

static int load_each(Ctl *ctl, char *const *names, json_t *triggers) {
        for (; names && *names; names++) {
                json_t *trigger;
                int code = pid1_load(ctl->bus, *names, &trigger);

                if (code != CTL_OK)
                        return code;
                (void) json_array_append_new(triggers, trigger);
        }
        return CTL_OK;
}

static int complain_memory(const char *name) {
        return ctl_fail("%s: out of memory", name);
}

/* Loads all triggers that are installed, since PID 1 knows the Unit= of a file only once something has loaded the
 * file. They are read once for all units of a command. */
static int load_installed(Ctl *ctl, const char *name) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(strv_freep) char **names = NULL;
        json_auto_t *answer = NULL, *triggers = json_array();
        json_t *row;
        size_t i;
        int r, code;

        if (ctl->triggers)
                return CTL_OK;
        r = bus_call(ctl->bus, &bus_pid1, "ListUnitFilesByPatterns", &answer, &error, "asas", 0, 4, "*.timer",
                        "*.socket", "*.path", "*.automount");
        if (r < 0)
                return bus_complain(name, r, &error);
        json_array_foreach(json_array_get(answer, 0), i, row) { /* path, state */
                const char *slash = strrchr(string_at(row, 0), '/');

                if (slash && strv_add(unit_name_is_template(slash + 1) ? &ctl->trigger_templates : &names, slash + 1) <
                                                0)
                        return complain_memory(name);
        }
        code = load_each(ctl, names, triggers);
        if (code == CTL_OK)
                ctl->triggers = TAKE_PTR(triggers);
        return code;
}

/* Gives the properties of all triggers that may start the unit. */
static int load_candidates(Ctl *ctl, const char *name, const json_t *unit, json_t *triggers) {
        _cleanup_(strv_freep) char **names = NULL;
        int code = load_installed(ctl, name);

        if (code != CTL_OK)
                return code;
        if (add_known(unit, &names) < 0 || add_namesakes(ctl, name, &names) < 0)
                return complain_memory(name);
        (void) json_array_extend(triggers, ctl->triggers);
        return load_each(ctl, names, triggers);
}

/* ---- what follows from it ---- */

static bool starts(const json_t *trigger, const char *name) {
        json_t *value;
        size_t i;

        if (!streq(get_string(trigger, "LoadState"), "loaded"))
                return false;
        json_array_foreach(json_object_get(trigger, "Triggers"), i, value) {
                if (streq(strempty(json_string_value(value)), name))
                        return true;
        }
        return false;
}

static const char *when(const char *trigger) {
        return endswith(trigger, ".timer")    ? "at the times that it says"
               : endswith(trigger, ".socket") ? "when somebody connects"
                                              : "when there is something for it";
}

static int weigh_trigger(const Ctl *ctl, const char *name, const json_t *trigger, json_t *findings) {
        const char *id = get_string(trigger, "Id");

        if (files_listed(id))
                return CTL_OK; /* the unit then goes by the lease of the trigger, which is told of with the members */
        if (pid1_is_active(trigger))
                return finding_refuse(findings,
                                "is started by %s, which is active: systemctl disable --now %s, then: leasectl enable "
                                "%s",
                                id, id, id);
        if (startswith(get_string(trigger, "UnitFileState"), "enabled"))
                return finding_refuse(findings,
                                "is started by %s, which is enabled in systemd: systemctl disable %s, then: leasectl "
                                "enable %s",
                                id, id, id);
        if (endswith(id, ".automount"))
                return CTL_OK; /* the mount is what matters, and better leased by itself */
        if (ctl->anyway || files_listed(name)) {
                finding_add(findings, "note", "is leased itself, and so runs at once and not only %s: see %s",
                                when(id), id);
                return CTL_OK;
        }
        return finding_refuse(findings,
                        "is started by %s; with a lease of its own it would run at once, and not %s. Lease that "
                        "instead: "
                        "leasectl enable %s; or use --anyway",
                        id, when(id), id);
}

int triggers_examine(Ctl *ctl, const char *name, const json_t *unit, json_t *findings) {
        _cleanup_(strv_freep) char **seen = NULL;
        json_auto_t *triggers = json_array();
        int code = load_candidates(ctl, name, unit, triggers);
        json_t *trigger;
        size_t i;

        json_array_foreach(triggers, i, trigger) {
                if (code == CTL_OK && starts(trigger, name) && strv_add(&seen, get_string(trigger, "Id")) > 0)
                        code = weigh_trigger(ctl, name, trigger, findings);
        }
        return code;
}
