/* SPDX-License-Identifier: Apache-2.0 */

/* put-record DIRECTORY KEY VALUE: writes one new record into a local registry, as another machine would. */

#include <stdio.h>
#include <systemd/sd-event.h>

#include "registry/registry.h"

static void on_answer(const RegistryAnswer *answer, void *userdata) {
        if (answer->outcome != REGISTRY_COMMITTED)
                (void) fprintf(stderr, "not written: %s\n", answer->error ?: "the record exists");
        (void) sd_event_exit(userdata, answer->outcome == REGISTRY_COMMITTED ? 0 : 1);
}

int main(int argc, char *argv[]) {
        RegistryRequest *request = NULL;
        Registry *registry = NULL;
        sd_event *event = NULL;
        char *error = NULL;
        int r;

        if (argc != 4 || sd_event_default(&event) < 0)
                return EXIT_FAILURE;
        if (registry_local.open(event, &(RegistryConfig){ .directory = argv[1] }, &registry, &error) < 0) {
                (void) fprintf(stderr, "%s\n", error);
                return EXIT_FAILURE;
        }
        r = registry_local.txn(registry,
                        &(RegistryTxn){
                                .compares = &(RegistryCompare){ .key = argv[2] },
                                .n_compares = 1,
                                .puts = &(RegistryRecord){ .key = argv[2], .value = argv[3], .size = strlen(argv[3]) },
                                .n_puts = 1,
                        },
                        5 * USEC_PER_SEC, on_answer, event, &request);
        if (r >= 0)
                r = sd_event_loop(event);
        registry_local.request_free(request);
        registry_local.free(registry);
        sd_event_unref(event);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
