/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An endpoint as a person writes it. */

#include "util/macros.h"

/* Makes "http://host:port" of a URL, with etcd's port 2379 if there is none; *ret is owned by the caller. Returns 0,
 * -ENOMEM, or -EINVAL with *ret_why a static text of what is wrong. */
int url_normalize(const char *s, char **ret, const char **ret_why);

/* Whether the host of such a URL is a name, and not an IP address. */
bool url_is_named(const char *url);
