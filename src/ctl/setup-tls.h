/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/setup-plan.h"

/*
 * Certificates for etcd and for leased, made by openssl in /etc/leased/tls. The authority, ca.crt and ca.key, is made
 * on the first machine of the line, and carried to the others by hand. Each machine has one certificate, machine.crt
 * and machine.key, which it uses as server, as peer and as client.
 */

/* Makes the certificates that are missing and checks the one of this machine. With dry_run it only says what it
 * would make. Prints what is wrong and returns an exit code. */
int setup_tls_prepare(const SetupPlan *p, bool dry_run);
/* Gives the text of SETUP_TLS_DROPIN, by which PID 1 hands the certificates and the key to etcd. Owned by the
 * caller; NULL if memory is short. */
char *setup_tls_dropin(void);
#define SETUP_TLS_DROPIN "/etc/systemd/system/" SETUP_ETCD_SERVICE ".d/tls.conf"
