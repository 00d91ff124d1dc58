/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/setup-plan.h"

/*
 * Certificates for etcd and for leased, made by openssl in /etc/leased/tls: an authority, ca.crt and ca.key, that is
 * made on the first machine of the line and carried to the others by hand; and one certificate for each machine,
 * machine.crt and machine.key, by which it is a server, a peer and a client.
 */

/* Makes what is missing and checks what is there. Prints what is wrong and returns an exit code. */
int setup_tls_prepare(const SetupPlan *p, bool dry_run);
/* The drop-in by which PID 1 hands the key to etcd. Owned by the caller; NULL: out of memory. */
char *setup_tls_dropin(void);
#define SETUP_TLS_DROPIN "/etc/systemd/system/" SETUP_ETCD_SERVICE ".d/tls.conf"
