/* SPDX-License-Identifier: Apache-2.0 */
/* state.json, what a machine remembers over a boot: what can be read is written again as the same. */
#include <errno.h>

#include "daemon/memory.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL, *once = NULL, *twice = NULL;
        Input in = { data, size };
        LoadedMemory memory = {}, again = {};
        const char *why = NULL;
        size_t size_of;
        int r;

        text = input_text(&in, 0, &size_of);
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
