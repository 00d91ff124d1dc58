/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is known of the versions of etcd. Nothing in here does input or output. */

#include "util/macros.h"

/* Whether the version is 3.4 or later. A version that cannot be read counts as supported. */
bool etcd_version_is_supported(const char *version);

/* What an operator should know about that version, as static text; NULL: nothing. */
const char *etcd_version_warning(const char *version);
