/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pid1-memory.h"

#include <errno.h>

static json_t *memory;
static usec_t heard_at;

int pid1_memory_begin(void) {
        pid1_memory_end();
        memory = json_object();
        return memory ? 0 : -ENOMEM;
}

void pid1_memory_end(void) {
        json_decref(memory);
        memory = NULL;
}

json_t *pid1_memory(void) {
        return memory;
}

json_t *pid1_memory_find(const char *unit) {
        return json_incref(json_object_get(memory, unit));
}

void pid1_memory_keep(const char *unit, json_t *properties) {
        if (!memory)
                return;
        (void) json_object_set(memory, unit, properties);
        pid1_memory_heard();
}

void pid1_memory_heard(void) {
        heard_at = now_boottime();
}

usec_t pid1_memory_heard_at(void) {
        return memory ? heard_at : now_boottime();
}
