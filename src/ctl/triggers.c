/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/triggers.h"

#include <stdio.h>

#include "conf/directory.h"
#include "conf/unit-files.h"
#include "ctl/bus-many.h"
#include "ctl/bus.h"
#include "ctl/finding.h"
#include "ctl/files.h"
#include "ctl/message-json.h"
#include "ctl/pid1-near.h"
#include "ctl/pid1.h"
#include "util/shell-word.h"
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

static bool is_trigger(const char *name) {
        static const char *const types[] = { ".timer", ".socket", ".path", ".automount" };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (endswith(name, types[i]))
                        return true;
        return false;
}

/* Adds the names of all triggers that have a file, and those of templates to the other list. PID 1 would also say
 * whether each one is enabled, and look through all folders of units for each. */
static int list_installed(char ***names, char ***templates) {
        int r = 0;

        for (const char *const *folder = unit_files_folders; *folder && r >= 0; folder++) {
                _cleanup_(strv_freep) char **files = NULL;

                if (directory_list(*folder, is_trigger, &files) < 0)
                        continue; /* PID 1 goes on, too */
                for (char **file = files; *file && r >= 0; file++)
                        r = strv_add(unit_name_is_template(*file) ? templates : names, *file);
        }
        return r;
}

typedef struct Installed {
        sd_bus *bus;
        char **names;
        json_t *triggers; /* {name: the units that it triggers} */
} Installed;

static int make(size_t i, sd_bus_message **ret, void *userdata) {
        const Installed *all = userdata;
        _cleanup_free_ char *path = NULL;
        int r = sd_bus_path_encode(PID1_UNIT_PATH, all->names[i], &path);

        if (r >= 0)
                r = sd_bus_message_new_method_call(all->bus, ret, PID1_NAME, path, DBUS_PROPERTIES, "Get");
        return r < 0 ? r : sd_bus_message_append(*ret, "ss", PID1_UNIT, "Triggers");
}

/* A file about which PID 1 does not answer has a name that no unit can have. */
static void take(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata) {
        const Installed *all = userdata;
        json_auto_t *body = NULL;

        if (!error && message_json_body(answer, &body) >= 0)
                (void) json_object_set(all->triggers, all->names[i], json_array_get(body, 0));
}

/* Finds out what each installed trigger starts, since PID 1 knows the Unit= of a file only once something has loaded
 * the file. That is done once for all units of a command. */
static int load_installed(Ctl *ctl, const char *name) {
        _cleanup_(strv_freep) char **names = NULL;
        json_auto_t *triggers = json_object();
        Installed all = { .bus = pid1_near(ctl->bus), .triggers = triggers };
        const BusMany calls = { .make = make, .take = take, .userdata = &all };
        int r;

        if (ctl->triggers)
                return CTL_OK;
        if (list_installed(&names, &ctl->trigger_templates) < 0)
                return complain_memory(name);
        all.names = names;
        r = bus_call_many(all.bus, strv_length(names), &calls);
        if (r < 0 && pid1_near_lost()) {
                all.bus = ctl->bus;
                r = bus_call_many(ctl->bus, strv_length(names), &calls);
        }
        if (r < 0)
                return bus_complain(name, r, NULL);
        ctl->triggers = TAKE_PTR(triggers);
        return CTL_OK;
}

static int add_installed(const Ctl *ctl, const char *name, char ***names) {
        const char *trigger;
        json_t *units, *unit;
        size_t i;
        int r = 0;

        json_object_foreach(ctl->triggers, trigger, units) {
                json_array_foreach(units, i, unit) {
                        if (r >= 0 && streq(strempty(json_string_value(unit)), name))
                                r = strv_add(names, trigger);
                }
        }
        return r;
}

/* Gives the properties of all triggers that may start the unit. */
static int load_candidates(Ctl *ctl, const char *name, const json_t *unit, json_t *triggers) {
        _cleanup_(strv_freep) char **names = NULL;
        int code = load_installed(ctl, name);

        if (code != CTL_OK)
                return code;
        if (add_installed(ctl, name, &names) < 0 || add_known(unit, &names) < 0 ||
                        add_namesakes(ctl, name, &names) < 0)
                return complain_memory(name);
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
                                id, SHELL_WORD(id), SHELL_WORD(id));
        if (startswith(get_string(trigger, "UnitFileState"), "enabled"))
                return finding_refuse(findings,
                                "is started by %s, which is enabled in systemd: systemctl disable %s, then: leasectl "
                                "enable %s",
                                id, SHELL_WORD(id), SHELL_WORD(id));
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
                        id, when(id), SHELL_WORD(id));
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
