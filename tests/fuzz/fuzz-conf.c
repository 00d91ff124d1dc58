/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leased.conf as anybody might have written it. What is accepted is accepted again when it is dumped, and dumps the
 * same; what is refused says why, in text that a terminal and D-Bus can take.
 */
#include <errno.h>

#include "conf/conf.h"
#include "core/timeline.h"
#include "fuzz.h"

static char *dump(const LeasedConf *c) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        must(f);
        must(leased_conf_dump(c, f) == 0);
        must(fclose(f) == 0);
        return text;
}

static void check_dump(const LeasedConf *c) {
        _cleanup_(leased_conf_freep) LeasedConf *again = NULL;
        _cleanup_(messages_done) Messages messages = {};
        _cleanup_free_ char *text = dump(c), *second = NULL, *path = NULL;

        fuzz_write("/dump", text, strlen(text));
        must(asprintf(&path, "%s/dump", fuzz_folder()) > 0);
        must(leased_conf_load_dump(path, &again, &messages) == 0);
        second = dump(again);
        must(streq(text, second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL;
        _cleanup_(messages_done) Messages messages = {};
        char id[33];
        int r;

        fuzz_write("/etc/leased/leased.conf", data, size);
        r = leased_conf_load(fuzz_folder(), &c, &messages);
        must(r == 0 || r == -EBADMSG);
        must(r == 0 ? !!c && messages.n == 0 : !c && messages.n > 0);
        for (size_t i = 0; i < messages.n; i++)
                must(text_is_printable(messages.lines[i]));
        if (r < 0)
                return 0;
        must(c->ttl >= TTL_MIN && c->ttl <= TTL_MAX);
        must(c->prefix[0] == '/' && endswith(c->prefix, "/"));
        if (c->machine_id)
                must(leased_machine_id(c, id) == 0 && strlen(id) == 32);
        check_dump(c);
        return 0;
}
