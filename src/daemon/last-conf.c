/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/last-conf.h"

#include <errno.h>
#include <unistd.h>

#include "util/file-util.h"
#include "util/log.h"

#define LAST_CONF "/run/leased/last.conf"

bool last_conf_is_kept(void) {
        return access(LAST_CONF, F_OK) >= 0;
}

void last_conf_keep(const LeasedConf *c) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int r = f ? 0 : -ENOMEM;

        if (f) {
                r = leased_conf_dump(c, f);
                if (fclose(f) != 0)
                        r = -ENOMEM;
        }
        if (r >= 0)
                r = mkdir_parents("/run/leased", 0755);
        if (r >= 0)
                r = write_file_atomic(LAST_CONF, text, size, 0600, 0);
        if (r < 0)
                log_warning_errno(r, "cannot keep the configuration in %s", LAST_CONF);
}

int last_conf_load(LeasedConf **ret, Messages *messages) {
        return leased_conf_load_dump(LAST_CONF, ret, messages);
}
