/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/token.h"

#include "conf/dropin.h"
#include "ctl/ctl.h"
#include "ctl/files.h"
#include "ctl/finding.h"

#define PREFIX "LEASE_"

static bool has_file(const json_t *service, const char *path) {
        json_t *file;
        size_t i;

        json_array_foreach(json_object_get(service, "EnvironmentFiles"), i, file)
                if (streq(string_at(file, 0), path))
                        return true;
        return false;
}

void token_examine(const char *with, const char *name, const char *leased, const json_t *service, json_t *findings) {
        _cleanup_free_ char *path = env_pattern(leased);
        json_t *value;
        size_t i;

        if (path && files_gated(name) && !has_file(service, path))
                finding_add(findings, "weak",
                                "%sno token: a later drop-in sets EnvironmentFile= back, which the gate's drop-in has "
                                "set, so that it runs without LEASE_INDEX",
                                with);
        json_array_foreach(json_object_get(service, "UnsetEnvironment"), i, value) {
                const char *unset = strempty(json_string_value(value));

                if (startswith(unset, PREFIX))
                        finding_add(findings, "weak", "%sUnsetEnvironment=%s, and so runs without its token", with,
                                        unset);
        }
}
