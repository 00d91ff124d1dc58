/* SPDX-License-Identifier: Apache-2.0 */

/* put-record DIRECTORY KEY VALUE [NUMBER]: writes one record into a local registry, as another machine would; in place
 * of the one that is there, if there is one. With an empty value the record is deleted. With a number, so many records
 * are written or deleted, whose keys are KEY with a number for "%u". */

#include <stdio.h>
#include <systemd/sd-event.h>

#include "registry/registry.h"

enum { TRIES = 20 };

typedef struct Put {
        sd_event *event;
        const char *key;
        uint64_t revision; /* of the record that is there; 0: none */
        RegistryOutcome outcome;
} Put;

typedef enum Question {
        FIND,
        WRITE,
} Question;

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
static int ask(Put *put, const char *directory, Question question, const char *value) {
        RegistryCompare compare = { .key = put->key, .mod_revision = put->revision };
        RegistryRecord record = { .key = put->key, .value = value, .size = value ? strlen(value) : 0 };
        RegistryTxn txn = { .compares = &compare, .n_compares = 1, .puts = &record, .n_puts = 1 };
        RegistryRequest *request = NULL;
        Registry *registry = NULL;
        char *error = NULL;
        int r = sd_event_new(&put->event);

        if (!value)
                txn = (RegistryTxn){ .compares = &compare, .n_compares = 1, .deletes = &put->key, .n_deletes = 1 };
        if (r >= 0)
                r = registry_local.open(put->event, &(RegistryConfig){ .directory = directory }, &registry, &error);
        if (error)
                (void) fprintf(stderr, "%s\n", error);
        if (r >= 0 && question == FIND)
                r = registry_local.get(registry, &put->key, 1, 5 * USEC_PER_SEC, on_found, put, &request);
        else if (r >= 0)
                r = registry_local.txn(registry, &txn, 5 * USEC_PER_SEC, on_put, put, &request);
        if (r >= 0)
                r = sd_event_loop(put->event);
        registry_local.request_free(request);
        if (registry)
                registry_local.free(registry);
        sd_event_unref(put->event);
        return r;
}

static int write_one(const char *directory, const char *key, const char *value) {
        Put put = { .key = key };

        for (unsigned i = 0; i < TRIES; i++) { /* somebody else may write the record in between, or the disk be slow */
                put.revision = 0;
                if (ask(&put, directory, FIND, NULL) < 0 || ask(&put, directory, WRITE, *value ? value : NULL) < 0)
                        return -1;
                if (put.outcome == REGISTRY_COMMITTED)
                        return 0;
        }
        return -1;
}

int main(int argc, char *argv[]) {
        unsigned number = argc == 5 ? (unsigned) strtoul(argv[4], NULL, 10) : 1;
        const char *mark = argc == 5 ? strstr(argv[2], "%u") : NULL;
        char key[300];

        if (argc < 4 || argc > 5 || (argc == 5 && !mark))
                return EXIT_FAILURE;
        for (unsigned i = 0; i < number; i++) {
                if (mark)
                        (void) snprintf(key, sizeof(key), "%.*s%u%s", (int) (mark - argv[2]), argv[2], i, mark + 2);
                if (write_one(argv[1], mark ? key : argv[2], argv[3]) < 0)
                        return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
