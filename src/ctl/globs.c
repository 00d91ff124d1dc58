/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/globs.h"

#include <errno.h>
#include <fnmatch.h>

#include "conf/conf.h"
#include "ctl/bus.h"
#include "ctl/cluster.h"
#include "ctl/output.h"
#include "util/strv.h"

static bool is_pattern(const char *argument) {
        return strpbrk(argument, "*?[");
}

/* Tests a name. A backslash is a character like others, since names of units have backslashes. */
static bool fits(const char *pattern, const char *name) {
        static const char suffix[] = ".service";
        _cleanup_free_ char *stem = NULL;

        if (fnmatch(pattern, name, FNM_NOESCAPE) == 0)
                return true;
        if (!endswith(name, suffix))
                return false;
        stem = strndup(name, strlen(name) - strlen(suffix));
        return stem && fnmatch(pattern, stem, FNM_NOESCAPE) == 0;
}

/* Adds the first column of each row that a method of leased lists. */
static int add_listed(Ctl *ctl, const char *method, char ***names) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *answer = NULL;
        json_t *row;
        size_t i;
        int r = bus_call(ctl->bus, &bus_leased, method, &answer, &error, NULL);

        if (r < 0)
                return bus_complain(NULL, r, &error);
        json_array_foreach(json_array_get(answer, 0), i, row)
                if (strv_add(names, string_at(row, 0)) < 0)
                        return ctl_fail("out of memory");
        return CTL_OK;
}

static int add_units_of_all(Ctl *ctl, char ***names) {
        json_auto_t *rows = NULL;
        json_t *row;
        size_t i;
        int code = cluster_units_read(ctl, "", &rows);

        json_array_foreach(rows, i, row)
                if (strv_add(names, get_string(row, "unit")) < 0)
                        return ctl_fail("out of memory");
        return code;
}

/* Gives all names for which a pattern may stand. A verb that works on the files of this machine needs no leased. */
static int read_names(Ctl *ctl, const Verb *verb, char ***ret) {
        _cleanup_(messages_done) Messages messages = {};
        int code, r;

        if (verb->here) {
                r = enabled_units_list("", ret, &messages);
                print_messages(&messages);
                return r < 0 ? ctl_fail("cannot list what is enabled: %s", strerror(-r)) : CTL_OK;
        }
        code = add_listed(ctl, "ListUnits", ret);
        if (code == CTL_OK && verb->kind == ARGUMENTS_LEASES)
                code = add_listed(ctl, "ListLeases", ret);
        if (code == CTL_OK && verb->kind == ARGUMENTS_ANYWHERE)
                code = add_units_of_all(ctl, ret);
        return code;
}

static int by_name(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Adds what one argument stands for. */
static int expand(const Verb *verb, char *const *names, const char *argument, bool alone, char ***list) {
        size_t found = 0;

        if (!is_pattern(argument))
                return strv_add(list, argument) < 0 ? ctl_fail("out of memory") : CTL_OK;
        for (; names && *names; names++)
                if (fits(argument, *names)) {
                        if (strv_add(list, *names) < 0)
                                return ctl_fail("out of memory");
                        found++;
                }
        if (found > 0)
                return CTL_OK;
        complain("%s: fits no unit%s%s, see: leasectl%s", argument,
                        verb->kind == ARGUMENTS_LEASES     ? " or lease here"
                        : verb->kind == ARGUMENTS_ANYWHERE ? " that is enabled anywhere"
                                                           : " that is enabled here",
                        alone ? "" : ", nothing was done", verb->kind == ARGUMENTS_ANYWHERE ? "" : " list");
        return CTL_NO_SUCH_UNIT;
}

int globs_expand(Ctl *ctl, const Verb *verb, int argc, char **argv, char ***ret) {
        _cleanup_(strv_freep) char **names = NULL, **list = NULL;
        int code = CTL_OK, i = 0;

        while (i < argc && !is_pattern(argv[i]))
                i++;
        if (i == argc || verb->kind == ARGUMENTS_WORDS)
                return CTL_OK;
        code = read_names(ctl, verb, &names);
        if (names)
                qsort(names, strv_length(names), sizeof(char *), by_name);
        for (i = 0; i < argc && code == CTL_OK; i++)
                code = expand(verb, names, argv[i], argc == 1, &list);
        if (code == CTL_OK)
                *ret = TAKE_PTR(list);
        return code;
}
