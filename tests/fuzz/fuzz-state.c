/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon reads of its own files: state.json, what a machine remembers over a boot, and what the environment
 * file of a unit says. What can be read is written again as the same. */
#include <errno.h>

#include "daemon/environment.h"
#include "daemon/memory.h"
#include "fuzz.h"

static void check_environment(const char *text) {
        static const char id[] = "0123456789abcdef0123456789abcdef", unit[] = "a\\x2db@1.service";
        _cleanup_(environment_done) Environment e = {}, again = {};
        _cleanup_free_ char *once = NULL;

        if (environment_parse(&e, id, unit, text)) {
                once = environment_text(id, unit, &e);
                must(lease_name_is_valid(e.lease) && once && streq(once, text));
        } else if (lease_name_is_valid(text)) {
                must(str_keep(&e.lease, text));
                e.index = UINT64_MAX;
                e.version = INT64_MIN;
                once = environment_text(id, unit, &e);
                must(once && environment_parse(&again, id, unit, once));
                must(streq(again.lease, text) && again.index == e.index && again.version == e.version);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL, *once = NULL, *twice = NULL;
        Input in = { data, size };
        LoadedMemory memory = {}, again = {};
        const char *why = NULL;
        size_t size_of;
        int r;

        text = input_text(&in, 0, &size_of);
        check_environment(text);
        r = memory_decode(text, size_of, &memory, &why);
        if (r < 0) {
                must(r == -EBADMSG && !isempty(why));
                return 0;
        }
        once = memory_encode(&memory.memory);
        must(once && memory_decode(once, strlen(once), &again, &why) == 0);
        twice = memory_encode(&again.memory);
        must(twice && streq(once, twice));
        memory_done(&memory);
        memory_done(&again);
        return 0;
}
