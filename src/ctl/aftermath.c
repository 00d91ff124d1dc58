/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/aftermath.h"

#include "ctl/files.h"
#include "ctl/finding.h"
#include "ctl/starters.h"
#include "util/strv.h"

static const struct {
        const char *setting, *reverse, *when;
} ends[] = { { "OnFailure", "OnFailureOf", "has failed" }, { "OnSuccess", "OnSuccessOf", "has ended well" } };

static int weigh(const Ctl *ctl, const char *name, const char *starter, size_t end, json_t *findings) {
        if (streq(starter, name))
                return CTL_OK;
        if (ctl->anyway || files_listed(name)) {
                finding_add(findings, "note", "is leased itself, and so runs at once and not only when %s %s (%s=)",
                                starter, ends[end].when, ends[end].setting);
                return CTL_OK;
        }
        return finding_refuse(findings,
                        "is started when %s %s (%s=); with a lease of its own it would run at once, and not only "
                        "then. "
                        "Leave it without a lease, or use --anyway",
                        starter, ends[end].when, ends[end].setting);
}

int aftermath_examine(Ctl *ctl, const char *name, const json_t *unit, json_t *findings) {
        for (size_t end = 0; end < ELEMENTSOF(ends); end++) {
                _cleanup_(strv_freep) char **starters = NULL;
                int code = starters_find(ctl, name, unit, ends[end].setting, ends[end].reverse, &starters);

                for (char **starter = starters; code == CTL_OK && starter && *starter; starter++)
                        code = weigh(ctl, name, *starter, end, findings);
                if (code != CTL_OK)
                        return code;
        }
        return CTL_OK;
}
