/* SPDX-License-Identifier: Apache-2.0 */

/* put-record DIRECTORY KEY VALUE: writes one record into a local registry, as another machine would; in place of the
 * one that is there, if there is one. */

#include <stdio.h>
#include <systemd/sd-event.h>

#include "registry/registry.h"

typedef struct Put {
        sd_event *event;
        const char *key;
        uint64_t revision; /* of the record that is there; 0: none */
        RegistryOutcome outcome;
} Put;

static void on_found(const RegistryAnswer *answer, void *userdata) {
        Put *put = userdata;

        if (answer->outcome == REGISTRY_COMMITTED && answer->n_records == 1)
                put->revision = answer->records[0].mod_revision;
        else
                (void) fprintf(stderr, "not read: %s\n", answer->error ?: "no such answer");
        (void) sd_event_exit(put->event, 0);
}

static void on_put(const RegistryAnswer *answer, void *userdata) {
        Put *put = userdata;

        put->outcome = answer->outcome;
        if (put->outcome != REGISTRY_COMMITTED && put->outcome != REGISTRY_REFUSED)
                (void) fprintf(stderr, "not written: %s\n", strempty(answer->error));
        (void) sd_event_exit(put->event, 0);
}

/* Each question has a loop of its own: one that was left is not entered again. */
static int ask(Put *put, const char *directory, const char *value) {
        RegistryRequest *request = NULL;
        Registry *registry = NULL;
        char *error = NULL;
        int r = sd_event_new(&put->event);

        if (r >= 0)
                r = registry_local.open(put->event, &(RegistryConfig){ .directory = directory }, &registry, &error);
        if (error)
                (void) fprintf(stderr, "%s\n", error);
        if (r >= 0 && !value)
                r = registry_local.get(registry, &put->key, 1, 5 * USEC_PER_SEC, on_found, put, &request);
        else if (r >= 0)
                r = registry_local.txn(registry,
                                &(RegistryTxn){
                                                .compares = &(RegistryCompare){ .key = put->key,
                                                                .mod_revision = put->revision },
                                                .n_compares = 1,
                                                .puts = &(RegistryRecord){ .key = put->key,
                                                                .value = value,
                                                                .size = strlen(value) },
                                                .n_puts = 1,
                                },
                                5 * USEC_PER_SEC, on_put, put, &request);
        if (r >= 0)
                r = sd_event_loop(put->event);
        registry_local.request_free(request);
        if (registry)
                registry_local.free(registry);
        sd_event_unref(put->event);
        return r;
}

int main(int argc, char *argv[]) {
        Put put = {};

        if (argc != 4)
                return EXIT_FAILURE;
        put.key = argv[2];
        do /* as often as somebody else writes the record in between */
                if (ask(&put, argv[1], NULL) < 0 || ask(&put, argv[1], argv[3]) < 0)
                        return EXIT_FAILURE;
        while (put.outcome == REGISTRY_REFUSED);
        return put.outcome == REGISTRY_COMMITTED ? EXIT_SUCCESS : EXIT_FAILURE;
}
