/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the v2 API of etcd, or whoever answers in its place, may say: it is decoded to an outcome that is certain only
 * if the answer is, and to a lease whose words could have come from a lease's name.
 */
#include <jansson.h>

#include "core/record.h"
#include "fuzz.h"
#include "registry/etcd2/wire.h"

/* The same answer, to what was asked with these words: what is sent can always be read again. */
static void check_form(const Etcd2Node *node) {
        const Etcd2Ask ask = {
                .kind = ETCD2_SWAP, .name = "x", .ttl = 1, .machine_id = node->machine_id, .version = node->version
        };
        _cleanup_free_ char *form = etcd2_form(&ask), *path = etcd2_path("/a/", &ask);

        must(form && path &&
                        strspn(form, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~%&=") ==
                                        strlen(form));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const unsigned statuses[] = { 200, 201, 307, 400, 401, 403, 404, 408, 412, 500, 503, 0 };
        Input in = { data, size };
        Etcd2Kind kind = input_byte(&in) % (ETCD2_DELETE + 1);
        unsigned status = statuses[input_byte(&in) % ELEMENTSOF(statuses)];
        char *text = malloc(in.size + 1);
        Etcd2Answer a;

        must(text);
        if (in.size > 0)
                memcpy(text, in.data, in.size);
        text[in.size] = '\0';
        etcd2_decode(kind, status, text, in.size, &a);
        if (a.outcome == ETCD2_DONE && kind != ETCD2_DELETE) {
                must(a.node.modified > 0 && (status == 200 || status == 201));
                must(a.node.damaged || (strlen(a.node.machine_id) < ETCD2_MACHINE_SIZE && *a.node.machine_id));
                if (!a.node.damaged)
                        check_form(&a.node);
        } else
                must(a.node.modified == 0);
        must(a.outcome != ETCD2_DONE || status < 300);
        free(text);
        return 0;
}
