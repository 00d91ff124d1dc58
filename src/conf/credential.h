/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Credentials of leased.service: files that PID 1 hands to the service, decrypted if need be, and to nobody else
 * (systemd.exec(5), LoadCredential= and the options beside it).
 */

#include "util/macros.h"

/* Gives the path at which leased.service finds the credential of that name. *ret is owned by the caller; NULL: the
 * service has no such credential. in_service says that the caller is the service: the credential is then looked for in
 * $CREDENTIALS_DIRECTORY. Any other caller is told what the unit file and the drop-ins of leased.service say; the
 * service need not run, and the file may be missing. Returns 0 or -ENOMEM. */
int credential_find(const char *root, bool in_service, const char *name, char **ret);
