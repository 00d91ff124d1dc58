/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/aftermath.h"

#include <errno.h>
#include <sys/stat.h>

#include "conf/conf.h"
#include "conf/directory.h"
#include "conf/unit-files.h"
#include "ctl/files.h"
#include "ctl/finding.h"
#include "ctl/pid1.h"
#include "util/file-util.h"
#include "util/strv.h"
#include "util/text.h"

#define FILE_SIZE_MAX ((size_t) 1024 * 1024)

static const struct {
        const char *setting, *reverse, *when;
} ends[] = { { "OnFailure", "OnFailureOf", "has failed" }, { "OnSuccess", "OnSuccessOf", "has ended well" } };

/* ---- the unit files ---- */

/* What stands in all unit files: lines of "STARTER WORD...", one for each setting of "ends" in a file. */
static struct {
        char **lines;
        bool read;
} all;

/* Gives what stands behind "OnFailure=" or "OnSuccess=" at the beginning of a line; NULL if nothing of this does. */
static const char *value_of(const char *line) {
        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                const char *setting = line + strspn(line, " \t"), *rest = setting + strlen(ends[i].setting);

                if (startswith(setting, ends[i].setting) && rest[strspn(rest, " \t")] == '=')
                        return rest + strspn(rest, " \t") + 1;
        }
        return NULL;
}

/* A line may go on in the next one, behind a backslash. */
static void join_lines(char *text) {
        for (char *p = text; (p = strstr(p, "\\\n"));)
                p[0] = p[1] = ' ';
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
        for (char **line = lines; line && *line && r >= 0; line++) {
                const char *value = value_of(*line);
                _cleanup_free_ char *joined = value ? text_format("%s %s", starter, value) : NULL;

                if (value)
                        r = joined ? strv_add(&all.lines, joined) : -ENOMEM;
        }
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

static int add_entry(const char *folder, const char *entry) {
        _cleanup_free_ char *path = text_format("%s/%s", folder, entry), *starter = strdup(entry);
        bool dropins = endswith(entry, ".d");

        if (!path || !starter)
                return -ENOMEM;
        if (dropins)
                starter[strlen(starter) - strlen(".d")] = '\0';
        if (!unit_name_is_valid(starter) /* nor is a template */ || files_listed(starter))
                return 0;
        return dropins ? add_dropins(path, starter) : add_file(path, starter);
}

static int read_all(void) {
        int r = 0;

        for (const char *const *folder = unit_files_folders; *folder && r >= 0 && !all.read; folder++) {
                _cleanup_(strv_freep) char **entries = NULL;

                if (directory_list(*folder, NULL, &entries) < 0)
                        continue;
                for (char **entry = entries; *entry && r >= 0; entry++)
                        r = add_entry(*folder, *entry);
        }
        all.read = r >= 0;
        return r;
}

void aftermath_forget(void) {
        strv_free(all.lines);
        all.lines = NULL;
        all.read = false;
}

/* Whether the line may name the unit: a word with a specifier may be any name. */
static bool may_name(const char *line, const char *unit) {
        size_t n = strlen(unit);

        for (const char *w = line + strcspn(line, " "); *w; w += strcspn(w, " \t")) {
                w += strspn(w, " \t");
                if (strcspn(w, " \t") == n ? strncmp(w, unit, n) == 0 : memchr(w, '%', strcspn(w, " \t")) != NULL)
                        return true;
        }
        return false;
}

/* Gives the names of the units whose files may name the unit. */
static int list_starters(const char *unit, char ***ret) {
        int r = read_all();

        for (char **line = all.lines; line && *line && r >= 0; line++) {
                _cleanup_free_ char *starter = may_name(*line, unit) ? strndup(*line, strcspn(*line, " ")) : NULL;

                if (starter)
                        r = strv_add(ret, starter);
        }
        return r;
}

/* ---- what follows from it ---- */

static int weigh(const Ctl *ctl, const char *name, const char *starter, size_t end, json_t *findings) {
        if (streq(starter, name))
                return CTL_OK;
        if (ctl->anyway || files_listed(name)) {
                finding_add(findings, "note", "is leased itself, and so runs at once and not only when %s %s (%s=)",
                                starter, ends[end].when, ends[end].setting);
                return CTL_OK;
        }
        return finding_refuse(findings,
                        "is started when %s %s (%s=); with a lease of its own it would run at once, and not only "
                        "then. "
                        "Leave it without a lease, or use --anyway",
                        starter, ends[end].when, ends[end].setting);
}

/* The starters that PID 1 has loaded, into a list for each of "ends". */
static int add_loaded(const json_t *unit, size_t end, char ***starters) {
        json_t *value;
        size_t i;
        int r = 0;

        json_array_foreach(json_object_get(unit, ends[end].reverse), i, value) {
                if (r >= 0)
                        r = strv_add(starters, strempty(json_string_value(value)));
        }
        return r;
}

/* Adds those of the candidates by which PID 1, which loads them for that, does start the unit. */
static int add_others(Ctl *ctl, const char *name, char *const *candidates, size_t end, char ***starters) {
        for (; candidates && *candidates; candidates++) {
                json_auto_t *properties = NULL;
                int code = pid1_load(ctl->bus, *candidates, &properties);

                if (code != CTL_OK)
                        return code;
                if (pid1_lists(properties, ends[end].setting, name) && strv_add(starters, *candidates) < 0)
                        return ctl_fail("%s: out of memory", name);
        }
        return CTL_OK;
}

int aftermath_examine(Ctl *ctl, const char *name, const json_t *unit, json_t *findings) {
        _cleanup_(strv_freep) char **candidates = NULL;

        if (list_starters(name, &candidates) < 0)
                return ctl_fail("%s: out of memory", name);
        for (size_t end = 0; end < ELEMENTSOF(ends); end++) {
                _cleanup_(strv_freep) char **starters = NULL;
                int code = add_loaded(unit, end, &starters) < 0 ? ctl_fail("%s: out of memory", name) : CTL_OK;

                if (code == CTL_OK)
                        code = add_others(ctl, name, candidates, end, &starters);
                for (char **starter = starters; code == CTL_OK && starter && *starter; starter++)
                        code = weigh(ctl, name, *starter, end, findings);
                if (code != CTL_OK)
                        return code;
        }
        return CTL_OK;
}
