/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Programs that open a session of PAM, for the command that they run as another user, or for each user whom they let
 * in. Where PAM has pam_systemd.so in its list, logind takes the processes of the session away (conf/outside-pam.h).
 * Only for outside.c.
 */

#include "conf/outside-finding.h"

/* Whether the program runs a command as another user. */
bool outside_login_is_one(const char *name);
/* Looks at the command line of such a program. */
Outside outside_login_look(const char *name, char *const *argv, OutsideFinding *f);

/* Whether the program lets users in, or runs jobs for them. */
bool outside_login_is_daemon(const char *name);
/* Looks at the command line of such a program. */
Outside outside_login_look_at_daemon(const char *name, char *const *argv, OutsideFinding *f);
