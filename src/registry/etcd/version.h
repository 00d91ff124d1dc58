/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is known of the versions of etcd: pure. */

#include "util/macros.h"

/* Whether it is 3.4 or later. A version that cannot be read passes. */
bool etcd_version_is_supported(const char *version);

/* What an operator should know about that version, as static text; NULL: nothing. */
const char *etcd_version_warning(const char *version);
