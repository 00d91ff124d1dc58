/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/changes.h"

#include <stdio.h>

/* Settings as text: "Key=value", a line each. */
typedef struct Text {
        char *text;
        size_t size;
} Text;

static void text_free(Text *t) {
        free(t->text);
}

/* Whether text has this line of n bytes. *ret_value (may be NULL) is the value that the line's key has in text, or
 * NULL if text has no such key. */
static bool has_line(const char *text, const char *line, size_t n, const char **ret_value) {
        const char *equals = memchr(line, '=', n);
        size_t key = equals ? (size_t) (equals - line) + 1 : n;
        bool found = false;

        if (ret_value)
                *ret_value = NULL;
        for (const char *l = text; l && *l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
                size_t length = strcspn(l, "\n");

                found |= length == n && strncmp(l, line, n) == 0;
                if (ret_value && length >= key && strncmp(l, line, key) == 0)
                        *ret_value = l + key;
        }
        return found;
}

/* Adds a line for each setting that differs, also for each that is gone. suffix() gives what is to be added to the
 * line. */
static void note(Messages *changes, const char *of, const char *old, const char *new,
                const char *(*suffix)(const char *line)) {
        const char *value;

        for (const char *l = new; l &&*l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
                int n = (int) strcspn(l, "\n");

                if (has_line(old, l, (size_t) n, &value))
                        continue;
                if (value)
                        messages_add(changes, "%s: %.*s (was %.*s)%s", of, n, l, (int) strcspn(value, "\n"), value,
                                        suffix(l));
                else
                        messages_add(changes, "%s: %.*s%s", of, n, l, suffix(l));
        }
        for (const char *l = old; l && *l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
                int n = (int) strcspn(l, "\n");

                if (!has_line(new, l, (size_t) n, &value) && !value)
                        messages_add(changes, "%s: %.*s is no longer set%s", of, n, l, suffix(l));
        }
}

/* ---- leased.conf ---- */

static const char *suffix_of_conf(const char *line) {
        if (startswith(line, "TTL=") || startswith(line, "Metadata="))
                return "";
        if (startswith(line, "Registry=") || startswith(line, "Prefix="))
                return ", in force after: systemctl restart leased; to another registry, that stops all leased units "
                       "here "
                       "until: leasectl registry accept";
        if (startswith(line, "Endpoints="))
                return ", in force after: systemctl restart leased (which leaves units alone if it is the same etcd)";
        return ", in force after: systemctl restart leased (which leaves units alone)";
}

void changes_note_conf(Messages *changes, const LeasedConf *old, const LeasedConf *new) {
        _cleanup_(text_free) Text a = {}, b = {};
        FILE *f = open_memstream(&a.text, &a.size);

        if (!f)
                return;
        leased_conf_dump(old, f);
        (void) fclose(f);
        f = open_memstream(&b.text, &b.size);
        if (!f)
                return;
        leased_conf_dump(new, f);
        (void) fclose(f);
        note(changes, "leased.conf", a.text, b.text, suffix_of_conf);
}

/* ---- units ---- */

static const char *no_suffix(const char *line) {
        return "";
}

static void dump_options(const UnitOptions *o, Text *ret) {
        FILE *f = open_memstream(&ret->text, &ret->size);

        if (!f)
                return;
        unit_options_dump(o, f);
        (void) fclose(f);
}

bool changes_in_unit(const UnitOptions *old, const UnitOptions *new) {
        _cleanup_(text_free) Text a = {}, b = {};

        if (!old)
                return true;
        dump_options(old, &a);
        dump_options(new, &b);
        return !a.text || !b.text || !streq(a.text, b.text);
}

void changes_note_unit(Messages *changes, const char *unit, const UnitOptions *old, const UnitOptions *new) {
        _cleanup_(text_free) Text a = {}, b = {};

        if (!old || !new) {
                messages_add(changes, "%s: %s", unit, new ? "enabled" : "no longer enabled here");
                return;
        }
        dump_options(old, &a);
        dump_options(new, &b);
        note(changes, unit, a.text, b.text, no_suffix);
}
