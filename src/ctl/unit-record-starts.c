/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/unit-record-starts.h"

#include <errno.h>

#include "conf/ini.h"
#include "conf/unit-name.h"
#include "ctl/unit-record.h"
#include "util/strv.h"
#include "util/text.h"

/* ---- names ---- */

/* The part of the prefix after its last dash. */
static const char *last_component(const char *prefix) {
        const char *dash = strrchr(prefix, '-');

        return dash ? dash + 1 : prefix;
}

/* Gives what a specifier stands for in a file of the unit, which is split in name; NULL: PID 1 does not know the
 * specifier in the name of a unit, and leaves it as it is. */
static const char *specified(char specifier, const char *unit, const UnitName *name) {
        switch (specifier) {
        case 'n':
        case 'N': /* of which the caller takes the suffix off */
                return unit;
        case 'p':
                return name->prefix;
        case 'i':
                return strempty(name->instance);
        case 'j':
                return last_component(name->prefix);
        case 'u':
        case 'g':
                return "root";
        case 'U':
        case 'G':
                return "0";
        default:
                return NULL;
        }
}

/* Of the machine, its system, or its boot. */
static bool is_of_machine(char specifier) {
        return specifier && strchr("aAbBHlmMoqvwW", specifier);
}

static int fill_in(const char *unit, const UnitName *name, const char *word, char ret[static UNIT_NAME_SPACE]) {
        size_t n = 0;

        for (; *word; word++) {
                const char *s = *word == '%' ? specified(word[1], unit, name) : NULL;
                size_t length = s ? strlen(s) : 1;

                if (*word == '%' && is_of_machine(word[1]))
                        return -EXDEV;
                if (s && word[1] == 'N')
                        length -= strlen(name->suffix) + 1;
                if (n + length > UNIT_NAME_LENGTH)
                        return -EINVAL;
                memcpy(ret + n, s ?: word, length);
                n += length;
                word += s ? 1 : 0;
        }
        ret[n] = '\0';
        return 0;
}

/* Writes a name as PID 1 would read it in a file of the unit: %n, %N, %p, %i and %j are filled in, and so are %u, %U,
 * %g and %G, which stand for root; of a template the unit's own instance is taken. -EINVAL: PID 1 would leave the name
 * out, since no unit can have it. -EXDEV: it has a specifier that is another one on each machine, such as %H. */
static int expand(const char *unit, const char *word, char ret[static UNIT_NAME_SPACE]) {
        _cleanup_(unit_name_done) UnitName name = {};
        char template[UNIT_NAME_SPACE];
        int r = unit_name_split(unit, &name);

        if (r >= 0)
                r = fill_in(unit, &name, word, ret);
        if (r < 0)
                return r;
        if (unit_name_is_template(ret)) {
                str_copy(template, sizeof(template), ret);
                r = unit_name_fill(template, name.instance ?: name.prefix, ret);
        }
        return r < 0 || unit_name_kind(ret) == UNIT_NAME_INVALID ? -EINVAL : 0;
}

/* ---- options ---- */

/* Adds a value to a list; PID 1 leaves an empty one out. */
static int add_value(const char *value, void *field) {
        return *value ? strv_add(field, value) : 0;
}

/* Adds the words of a value to a list. */
static int add_names(const char *value, void *field) {
        _cleanup_(strv_freep) char **words = NULL;
        int r = ini_split_names(value, &words);

        for (char **w = words; r >= 0 && w && *w; w++)
                r = strv_add(field, *w);
        return r < 0 ? r : 0;
}

/* Reads the options of one section of the files. What is wrong in them is for "leasectl check" to say. */
static void read_section(const char *unit, const json_t *files, const char *section, const IniOption *options,
                size_t n, void *target) {
        char *where[2] = {};
        IniTable table = { .section = section,
                .foreign = true,
                .options = options,
                .n_options = n,
                .target = target,
                .where = where };
        _cleanup_(messages_done) Messages ignored = {};
        json_t *file;
        size_t i;

        json_array_foreach(files, i, file)
                if (unit_record_file_is_of(get_string(file, "name"), unit)) {
                        const char *text = get_string(file, "content");

                        ini_parse_text(get_string(file, "name"), text, strlen(text), &table, &ignored);
                }
        ini_where_done(&table);
}

typedef struct Triggers {
        char **values; /* of Unit=, or of Service= */
        bool accept;   /* Accept= */
} Triggers;

static const IniOption unit_options[] = {
        { "Unit", add_value, offsetof(Triggers, values), "", NULL },
};

static const IniOption socket_options[] = {
        { "Service", add_value, offsetof(Triggers, values), "", NULL },
        { "Accept", ini_parse_bool, offsetof(Triggers, accept), "", NULL },
};

static void read_triggers(const char *unit, const json_t *files, Triggers *ret) {
        if (endswith(unit, ".socket"))
                read_section(unit, files, "Socket", socket_options, ELEMENTSOF(socket_options), ret);
        else if (!endswith(unit, ".automount"))
                read_section(unit, files, endswith(unit, ".path") ? "Path" : "Timer", unit_options,
                                ELEMENTSOF(unit_options), ret);
}

/* What PID 1 takes without any option: the unit of the same name. */
static int of_the_same_name(const char *unit, char ret[static UNIT_NAME_SPACE]) {
        const char *kind = endswith(unit, ".automount") ? ".mount" : ".service";
        size_t stem = strlen(unit) - strlen(strrchr(unit, '.'));

        if (stem + strlen(kind) > UNIT_NAME_LENGTH)
                return -EINVAL;
        memcpy(ret, unit, stem);
        memcpy(ret + stem, kind, strlen(kind) + 1);
        return 0;
}

int unit_record_starts_find(
                const char *unit, const json_t *files, char ret[static UNIT_NAME_SPACE], char **ret_value) {
        bool socket = endswith(unit, ".socket");
        Triggers t = {};
        int r = of_the_same_name(unit, ret), e;

        *ret_value = NULL;
        read_triggers(unit, files, &t);
        for (char **value = t.values; value && *value && r >= 0; value++) {
                char name[UNIT_NAME_SPACE];

                e = expand(unit, *value, name);
                if (e == -EXDEV) {
                        *ret_value = strdup(*value);
                        r = e;
                } else if (e >= 0 && (!socket || endswith(name, ".service"))) {
                        str_copy(ret, UNIT_NAME_SPACE, name);
                        if (!socket)
                                break;
                }
        }
        if (t.accept)
                *ret = '\0';
        strv_free(t.values);
        return r;
}

bool unit_record_starts_binds(const char *name, const json_t *files, const char *other) {
        static const IniOption options[] = {
                { "BindsTo", add_names, 0, "", NULL },
        };
        _cleanup_(strv_freep) char **words = NULL;
        char expanded[UNIT_NAME_SPACE];
        bool binds = false;

        read_section(name, files, "Unit", options, ELEMENTSOF(options), &words);
        for (char **w = words; w && *w; w++)
                binds = binds || (expand(name, *w, expanded) >= 0 && streq(expanded, other));
        return binds;
}
