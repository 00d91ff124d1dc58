/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/changes.h"

typedef struct Note {
        Messages *changes;
        const char *of;
        const char *(*suffix)(const char *option); /* what is to be added about the option */
} Note;

static void note(const char *option, const char *was, const char *is, void *userdata) {
        const Note *n = userdata;

        if (isempty(is))
                messages_add(n->changes, "%s: %s=%s is no longer set%s", n->of, option, was, n->suffix(option));
        else if (isempty(was))
                messages_add(n->changes, "%s: %s=%s%s", n->of, option, is, n->suffix(option));
        else
                messages_add(n->changes, "%s: %s=%s (was %s)%s", n->of, option, is, was, n->suffix(option));
}

/* ---- leased.conf ---- */

static const char *suffix_of_conf(const char *option) {
        if (streq(option, "TTL") || streq(option, "Metadata"))
                return "";
        if (streq(option, "Registry") || streq(option, "Prefix"))
                return ", in force after: systemctl restart leased; to another registry, that stops all leased units "
                       "here until: leasectl registry accept";
        if (streq(option, "Endpoints"))
                return ", in force after: systemctl restart leased (which leaves units alone if it is the same etcd)";
        return ", in force after: systemctl restart leased (which leaves units alone)";
}

void changes_note_conf(Messages *changes, const LeasedConf *old, const LeasedConf *new) {
        (void) leased_conf_compare(old, new, note, &(Note){ changes, "leased.conf", suffix_of_conf });
}

/* ---- units ---- */

static const char *no_suffix(const char *option) {
        return "";
}

static void note_any(const char *option, const char *was, const char *is, void *userdata) {
        *(bool *) userdata = true;
}

bool changes_in_unit(const UnitOptions *old, const UnitOptions *new) {
        bool any = false;

        return !old || unit_options_compare(old, new, note_any, &any) < 0 || any;
}

void changes_note_unit(Messages *changes, const char *unit, const UnitOptions *old, const UnitOptions *new) {
        if (old && new)
                (void) unit_options_compare(old, new, note, &(Note){ changes, unit, no_suffix });
        else
                messages_add(changes, "%s: %s", unit, new ? "enabled" : "no longer enabled here");
}
