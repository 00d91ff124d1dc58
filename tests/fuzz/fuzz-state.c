/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon reads of its own files: state.json and state.log, what a machine remembers over a boot, and what the
 * environment file of a unit says. What can be read is written again as the same. */
#include <errno.h>

#include "daemon/environment.h"
#include "daemon/memory-copy.h"
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

/* The text, as what follows the first line of state.log. */
static void check_log(const char *text, size_t size) {
        sd_id128_t id = SD_ID128_MAKE(01, 23, 45, 67, 89, ab, cd, ef, 01, 23, 45, 67, 89, ab, cd, ef);
        _cleanup_free_ char *begin = memory_log_begin(id), *log = malloc(strlen(begin) + size), *lines = NULL;
        _cleanup_free_ char *once = NULL, *twice = NULL, *again_log = NULL;
        MemoryCopy *c = memory_copy_new(), *again = memory_copy_new();

        must(begin && log && c && again);
        memcpy(log, begin, strlen(begin));
        memcpy(log + strlen(begin), text, size);
        (void) memory_copy_take_log(c, id, log, strlen(begin) + size);
        lines = memory_log_lines(c);
        must(lines && asprintf(&again_log, "%s%s", begin, lines) > 0);
        must(memory_copy_take_log(again, id, again_log, strlen(again_log)) == 0);
        once = memory_copy_encode(c, id);
        twice = memory_copy_encode(again, id);
        must(once && twice && streq(once, twice));
        memory_copy_free(c);
        memory_copy_free(again);
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
        check_log(text, size_of);
        r = memory_decode(text, size_of, &memory, &why);
        if (r < 0) {
                must(r == -EBADMSG && !isempty(why));
                return 0;
        }
        once = memory_encode(&memory.memory, memory.log);
        must(once && memory_decode(once, strlen(once), &again, &why) == 0);
        twice = memory_encode(&again.memory, again.log);
        must(twice && streq(once, twice));
        memory_done(&memory);
        memory_done(&again);
        return 0;
}
