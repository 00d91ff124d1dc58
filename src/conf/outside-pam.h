/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Programs that change the user, and daemons that let users in, open a session with PAM. Whether this session gets a
 * control group of its own, into which the processes are moved, is a matter of the modules that the administrator has
 * listed for the service (pam.d(5)). No module is run here and no jump over a module is followed: what is listed
 * counts.
 */

#include "util/macros.h"

typedef enum PamSession {
        PAM_SESSION_UNKNOWN, /* no file says what is done for the service, or one of them cannot be read */
        PAM_SESSION_STAYS,   /* the processes stay in their control group */
        PAM_SESSION_MOVES,   /* a module moves them */
} PamSession;

/* Reads what PAM does for the sessions of a service ("sudo"). */
PamSession outside_pam_session(const char *service);

/* Has the files read below another root folder, which must stay in place. For tests. */
void outside_pam_set_root(const char *root);
