/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-variables.h"

#include <stdio.h>

#include "conf/argv.h"
#include "util/strv.h"

enum {
        N_MAX = 256,
        LENGTH_MAX = 1024,
};

void outside_variable_set(char ***variables, const char *assignment) {
        const char *value = strchr(assignment, '=');
        char *copy;

        if (!value || !value[1] || strlen(assignment) >= LENGTH_MAX)
                return;
        for (char **v = *variables; v && *v; v++)
                if (strncmp(*v, assignment, (size_t) (value + 1 - assignment)) == 0) {
                        copy = strdup(assignment);
                        if (copy) {
                                free(*v);
                                *v = copy;
                        }
                        return;
                }
        if (strv_length(*variables) < N_MAX)
                (void) strv_add(variables, assignment); /* without memory for it, it is not known */
}

void outside_variable_set_words(char ***variables, char *const *words) {
        char assignment[LENGTH_MAX], all[LENGTH_MAX] = "@=";
        size_t n = strlen(all);

        for (size_t i = 0; words[i]; i++) {
                (void) snprintf(assignment, sizeof(assignment), "%zu=%.1000s", i, words[i]);
                if (i < 10)
                        outside_variable_set(variables, assignment);
                if (i > 0 && n < sizeof(all))
                        n += (size_t) snprintf(all + n, sizeof(all) - n, "%s ", words[i]);
        }
        if (n < sizeof(all))
                outside_variable_set(variables, all);
}

void outside_variable_set_by(char ***variables, char *const *argv) {
        bool before = argv_list_has("env sudo doas", base_name(argv[0])); /* a command, which has words of its own */
        char assignment[LENGTH_MAX];

        if (before || argv_list_has("export local declare typeset readonly", argv[0]))
                for (char *const *w = argv + 1; *w; w++) {
                        if (before && **w != '-' && w[-1][0] != '-' && !strchr(*w, '='))
                                return;
                        outside_variable_set(variables, *w);
                }
        else if (streq(argv[0], "for") && argv[1] && argv[2] && streq(argv[2], "in") && argv[3]) {
                (void) snprintf(assignment, sizeof(assignment), "%.500s=%.500s", argv[1], argv[3]);
                outside_variable_set(variables, assignment);
        } else if (streq(argv[0], "set") && argv[1] && streq(argv[1], "--"))
                outside_variable_set_words(variables, argv + 1);
}

const char *outside_variable_get(char *const *variables, const char *name, size_t n) {
        for (char *const *v = variables; v && *v; v++)
                if (n > 0 && strncmp(*v, name, n) == 0 && (*v)[n] == '=')
                        return *v + n + 1;
        return NULL;
}

char **outside_variable_options(char *const *variables, char *const *argv) {
        static const struct {
                const char *variable, *programs, *option;
        } obeyed[] = {
                { "DOCKER_CONTEXT", "docker docker-compose", "--context" },
                { "DOCKER_HOST", "docker docker-compose balena balena-engine", "--host" },
                { "CONTAINER_CONNECTION", "podman podman-remote", "--connection" },
                { "CONTAINER_HOST", "podman podman-remote", "--url" },
                { "LIBVIRT_DEFAULT_URI", "virsh virt-install", "--connect" },
                { "VIRSH_DEFAULT_CONNECT_URI", "virsh", "--connect" },
        };
        size_t n = strv_length(argv), added = 0;
        char **words = variables ? calloc(n + 2 * ELEMENTSOF(obeyed) + 1, sizeof(char *)) : NULL;

        for (size_t i = 0; words && i < ELEMENTSOF(obeyed); i++) {
                const char *value = outside_variable_get(variables, obeyed[i].variable, strlen(obeyed[i].variable));

                if (!value || !argv_list_has(obeyed[i].programs, base_name(argv[0])))
                        continue;
                words[++added] = (char *) obeyed[i].option;
                words[++added] = (char *) value;
        }
        if (!words || added == 0) {
                free(words);
                return NULL;
        }
        words[0] = argv[0];
        memcpy(words + added + 1, argv + 1, (n - 1) * sizeof(char *));
        return words;
}
