/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a unit file, a drop-in and /etc/leased/units/NAME say, one after the other, parted by a byte 0xFF: whatever
 * stands in them, the options come out whole or not at all, and each message is text.
 */
#include <errno.h>

#include "conf/conf.h"
#include "core/record.h"
#include "fuzz.h"

#define UNIT "a@b.service"

static void write_part(Input *in, const char *path) {
        _cleanup_free_ char *text = NULL;
        size_t size;

        text = input_text(in, 0xff, &size);
        fuzz_write(path, text, size);
}

static void check(const UnitOptions *o) {
        _cleanup_(messages_done) Messages messages = {};
        int r;

        must(streq(o->unit, UNIT));
        must(o->global || lease_name_is_valid(o->lease));
        must(o->config.hold_down_release != USEC_INFINITY && o->config.hold_down_failure != USEC_INFINITY);
        r = unit_options_check(o, 10 * USEC_PER_SEC, USEC_INFINITY, &messages);
        must(r == 0 || r == -EBADMSG);
        must((r == 0) == (messages.n == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL;
        _cleanup_(messages_done) Messages messages = {};
        Input in = { data, size };
        int r;

        write_part(&in, "/etc/systemd/system/a@.service");
        write_part(&in, "/etc/systemd/system/" UNIT ".d/x.conf");
        write_part(&in, "/etc/leased/units/" UNIT);
        r = unit_options_load(fuzz_folder(), UNIT, &o, &messages);
        must(r == 0 || r == -EBADMSG);
        must(r < 0 || (o && messages.n == 0));
        must(r == 0 || messages.n > 0);
        for (size_t i = 0; i < messages.n; i++)
                must(text_is_printable(messages.lines[i]));
        if (o)
                check(o);
        return 0;
}
