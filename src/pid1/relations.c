/* SPDX-License-Identifier: Apache-2.0 */
#include "pid1/relations.h"

#include <errno.h>
#include <stdlib.h>

int relations_add(Relations *r, const char *name, unsigned relations) {
        RelatedName *list;
        char *copy;

        for (size_t i = 0; i < r->n; i++)
                if (streq(r->list[i].name, name)) {
                        r->list[i].relations |= relations;
                        return 0;
                }
        copy = strdup(name);
        list = copy ? realloc(r->list, (r->n + 1) * sizeof(RelatedName)) : NULL;
        if (!list) {
                free(copy);
                return -ENOMEM;
        }
        list[r->n++] = (RelatedName){ .relations = relations, .name = copy };
        r->list = list;
        return 0;
}

void relations_done(Relations *r) {
        for (size_t i = 0; i < r->n; i++)
                free(r->list[i].name);
        free(r->list);
        *r = (Relations){};
}
