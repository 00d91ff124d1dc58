/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/starters.h"

#include <errno.h>
#include <sys/stat.h>

#include "conf/directory.h"
#include "conf/unit-files.h"
#include "ctl/files.h"
#include "ctl/pid1.h"
#include "util/file-util.h"
#include "util/hash.h"
#include "util/strv.h"
#include "util/text.h"
#include "util/unit-name.h"

#define FILE_SIZE_MAX ((size_t) 1024 * 1024)

/* The settings that are looked for, each with the folder that stands for it, if there is one. */
static const struct {
        const char *name, *folder;
} settings[] = {
        { "OnFailure", NULL },
        { "OnSuccess", NULL },
        { "Wants", ".wants" },
        { "Requires", ".requires" },
        { "Requisite", NULL },
        { "BindsTo", NULL },
        { "Upholds", ".upholds" },
        { "Unit", NULL }, /* this and the next one tell only which instances of templates there are */
        { "Service", NULL },
};

const StarterSetting starter_settings[] = {
        { "Wants", "WantedBy" },
        { "Requires", "RequiredBy" },
        { "Requisite", "RequisiteOf" },
        { "BindsTo", "BoundBy" },
        { "Upholds", "UpheldBy" },
        { NULL, NULL },
};

/* Who names a unit in a setting. A starter that stands for many units is "NAME.d": these are the units for which the
 * files in NAME.d count, or if NAME is a template, its instances. */
typedef struct Mention {
        UT_hash_handle hh;
        char **starters;
        char key[]; /* "SETTING NAME"; for names with a specifier "SETTING %", and .starters are "STARTER NAME" */
} Mention;

/* A unit that has a file or folder of its own, or that another one starts. */
typedef struct Known {
        UT_hash_handle hh;
        char name[];
} Known;

static Mention *mentions;
static Known *units;
static bool read_all_files;

/* ---- what is known ---- */

static Mention *find(const char *setting, const char *name) {
        _cleanup_free_ char *key = text_format("%s %s", setting, name);
        Mention *m = NULL;

        if (key)
                HASH_FIND_STR(mentions, key, m);
        return m;
}

static int note(const char *setting, const char *name, const char *starter) {
        _cleanup_free_ char *key = text_format("%s %s", setting, name);
        Mention *m;

        if (!key)
                return -ENOMEM;
        HASH_FIND_STR(mentions, key, m);
        if (!m) {
                m = calloc(1, sizeof(Mention) + strlen(key) + 1);
                if (!m)
                        return -ENOMEM;
                memcpy(m->key, key, strlen(key) + 1);
                HASH_ADD_STR(mentions, key, m);
        }
        return strv_add(&m->starters, starter);
}

/* Takes the unit into those that are asked about where a file counts for many. */
static int know(const char *name) {
        Known *k;

        HASH_FIND_STR(units, name, k);
        if (k)
                return 0;
        k = calloc(1, sizeof(Known) + strlen(name) + 1);
        if (!k)
                return -ENOMEM;
        memcpy(k->name, name, strlen(name) + 1);
        HASH_ADD_STR(units, name, k);
        return 0;
}

/* An instance may have no file of its own. Of leased units PID 1 tells, which has them loaded. */
static int know_mentioned(const char *name) {
        return unit_name_kind(name) == UNIT_NAME_INSTANCE && !files_listed(name) ? know(name) : 0;
}

static int note_word(const char *setting, const char *starter, const char *word, size_t n) {
        _cleanup_free_ char *name = strndup(word, n), *line = NULL;

        if (!name)
                return -ENOMEM;
        if (!strchr(name, '%'))
                return know_mentioned(name) < 0 ? -ENOMEM : note(setting, name, starter);
        line = text_format("%s %s", starter, name);
        return line ? note(setting, "%", line) : -ENOMEM;
}

void starters_forget(void) {
        Mention *m, *next;
        Known *k, *other;

        HASH_ITER(hh, mentions, m, next) {
                HASH_DEL(mentions, m);
                strv_free(m->starters);
                free(m);
        }
        HASH_ITER(hh, units, k, other) {
                HASH_DEL(units, k);
                free(k);
        }
        read_all_files = false;
}

/* ---- the unit files ---- */

/* Gives what stands behind "NAME=" at the beginning of a line; NULL if nothing of this does. */
static const char *value_of(const char *line, const char *name) {
        const char *setting = line + strspn(line, " \t"), *rest = setting + strlen(name);

        return startswith(setting, name) && rest[strspn(rest, " \t")] == '=' ? rest + strspn(rest, " \t") + 1 : NULL;
}

/* A line may go on in the next one, behind a backslash. */
static void join_lines(char *text) {
        for (char *p = text; (p = strstr(p, "\\\n"));)
                p[0] = p[1] = ' ';
}

static int add_line(const char *line, const char *starter) {
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                const char *w = value_of(line, settings[i].name);

                for (size_t n; w && r >= 0 && *(w += strspn(w, " \t")); w += n) {
                        n = strcspn(w, " \t");
                        r = note_word(settings[i].name, starter, w, n);
                }
        }
        return r;
}

static int add_file(const char *path, const char *starter) {
        _cleanup_(strv_freep) char **lines = NULL;
        _cleanup_free_ char *text = NULL;
        struct stat st;
        int r = 0;

        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || read_file(path, FILE_SIZE_MAX, &text, NULL) < 0)
                return 0; /* PID 1 goes on, too */
        join_lines(text);
        r = strv_split_lines(text, &lines);
        for (char **line = lines; line && *line && r >= 0; line++)
                r = add_line(*line, starter);
        return r;
}

/* Adds the drop-ins of one unit. */
static int add_dropins(const char *path, const char *starter) {
        _cleanup_(strv_freep) char **names = NULL;
        int r = 0;

        if (directory_list(path, directory_is_conf, &names) < 0)
                return 0;
        for (char **name = names; *name && r >= 0; name++) {
                _cleanup_free_ char *file = text_format("%s/%s", path, *name);

                r = file ? add_file(file, starter) : -ENOMEM;
        }
        return r;
}

/* Adds the links of a folder that stands for a setting. */
static int add_links(const char *path, const char *starter, const char *setting) {
        _cleanup_(strv_freep) char **names = NULL;
        int r = 0;

        if (directory_list(path, NULL, &names) < 0)
                return 0;
        for (char **name = names; *name && r >= 0; name++)
                r = know_mentioned(*name) < 0 ? -ENOMEM : note(setting, *name, starter);
        return r;
}

/* Whether what has this name counts for other units, and not for one of that name: a template, the prefix of names, or
 * a type. */
static bool counts_for_many(const char *name) {
        size_t n = unit_name_prefix(name);

        return unit_name_is_template(name) || (n > 0 && name[n - 1] == '-') || !strchr(name, '.');
}

/* The starter's name is that of the entry, less the ending of a folder. */
static int add_entry(const char *folder, const char *entry) {
        _cleanup_free_ char *path = text_format("%s/%s", folder, entry), *name = strdup(entry), *many = NULL;
        const char *setting = NULL, *ending = endswith(entry, ".d") ? ".d" : "", *starter = name;

        if (!path || !name)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(settings); i++)
                if (settings[i].folder && endswith(entry, settings[i].folder)) {
                        setting = settings[i].name;
                        ending = settings[i].folder;
                }
        name[strlen(name) - strlen(ending)] = '\0';
        if (counts_for_many(name) && (*ending || unit_name_is_template(name)))
                starter = many = text_format("%s.d", name);
        else if (unit_name_kind(name) == UNIT_NAME_INVALID || files_listed(name))
                return 0;
        else if (know(name) < 0)
                return -ENOMEM;
        if (!starter)
                return -ENOMEM;
        return setting   ? add_links(path, starter, setting)
               : *ending ? add_dropins(path, starter)
                         : add_file(path, starter);
}

static int read_all(void) {
        int r = 0;

        for (const char *const *folder = unit_files_folders; *folder && r >= 0 && !read_all_files; folder++) {
                _cleanup_(strv_freep) char **entries = NULL;

                if (directory_list(*folder, NULL, &entries) < 0)
                        continue;
                for (char **entry = entries; *entry && r >= 0; entry++)
                        r = add_entry(*folder, *entry);
        }
        read_all_files = r >= 0;
        return r;
}

/* ---- who may name a unit ---- */

/* Whether the name may become the other one when PID 1 puts in what its specifiers stand for. */
static bool may_become(const char *name, const char *other) {
        const char *end = strrchr(name, '%');
        size_t n = strcspn(name, "%");

        end = end && end[1] ? end + 2 : ""; /* behind the last specifier, which is one letter */
        return strncmp(name, other, n) == 0 && endswith(other, end);
}

static int find_name(const char *name, const char *setting, char ***ret) {
        const Mention *m = find(setting, name), *any = find(setting, "%");
        int r = 0;

        for (char **starter = m ? m->starters : NULL; starter && *starter && r >= 0; starter++)
                r = strv_add(ret, *starter);
        for (char **line = any ? any->starters : NULL; line && *line && r >= 0; line++) {
                _cleanup_free_ char *starter = strndup(*line, strcspn(*line, " "));

                if (!starter)
                        return -ENOMEM;
                if (may_become(strchr(*line, ' ') + 1, name))
                        r = strv_add(ret, starter);
        }
        return r;
}

/* Gives the units whose files may name the unit in the setting, by any of its names. */
static int find_candidates(const char *name, const json_t *unit, const char *setting, char ***ret) {
        json_t *other;
        size_t i;
        int r = read_all();

        if (r >= 0)
                r = find_name(name, setting, ret);
        json_array_foreach(json_object_get(unit, "Names"), i, other) {
                const char *each = strempty(json_string_value(other));

                if (r >= 0 && !streq(each, name))
                        r = find_name(each, setting, ret);
        }
        return r;
}

/* ---- what PID 1 says ---- */

static int add_loaded(const json_t *unit, const char *reverse, char ***ret) {
        json_t *value;
        size_t i;
        int r = 0;

        json_array_foreach(json_object_get(unit, reverse), i, value) {
                if (r >= 0)
                        r = strv_add(ret, strempty(json_string_value(value)));
        }
        return r;
}

/* Adds the candidate if PID 1 says that it names the unit. *ret_found becomes true also if it was there already. */
static int ask(Ctl *ctl, const char *candidate, const char *name, const char *setting, char ***ret, bool *ret_found) {
        json_auto_t *properties = NULL;
        const char *id;
        int code;

        *ret_found = strv_contains(*ret, candidate);
        if (*ret_found)
                return CTL_OK;
        code = pid1_load(ctl->bus, candidate, &properties);
        if (code != CTL_OK)
                return code;
        id = get_string(properties, "Id"); /* the file may be that of another name */
        if (streq(id, name) || !pid1_lists(properties, setting, name))
                return CTL_OK;
        *ret_found = true;
        return strv_add(ret, id) < 0 ? ctl_fail("%s: out of memory", name) : CTL_OK;
}

static bool counts_for(const char *folder_name, const char *unit) {
        _cleanup_(strv_freep) char **names = NULL;

        return unit_files_folder_names(unit, &names) >= 0 && strv_contains(names, folder_name);
}

/* Asks about the units for which the starter "NAME.d" stands, until one is found: the file is the same for all. */
static int ask_many(Ctl *ctl, const char *starter, const char *name, const char *setting, char ***ret) {
        _cleanup_free_ char *folder_name = strndup(starter, strlen(starter) - strlen(".d"));
        bool found = false;
        int code = CTL_OK;

        if (!folder_name)
                return ctl_fail("%s: out of memory", name);
        for (const Known *k = units; k && code == CTL_OK && !found; k = k->hh.next)
                if (!streq(k->name, name) && counts_for(folder_name, k->name))
                        code = ask(ctl, k->name, name, setting, ret, &found);
        return code;
}

int starters_find(Ctl *ctl, const char *name, const json_t *unit, const char *setting, const char *reverse,
                char ***ret) {
        _cleanup_(strv_freep) char **candidates = NULL;
        int code = CTL_OK;
        bool found;

        if (add_loaded(unit, reverse, ret) < 0 || find_candidates(name, unit, setting, &candidates) < 0)
                return ctl_fail("%s: out of memory", name);
        for (char **c = candidates; c && *c && code == CTL_OK; c++)
                code = endswith(*c, ".d") ? ask_many(ctl, *c, name, setting, ret)
                                          : ask(ctl, *c, name, setting, ret, &found);
        return code;
}
