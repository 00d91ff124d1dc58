/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* The state of the registry, as status and registry print it. The argument manager holds all properties of
 * org.leased1.Manager. */

/* Prints the registry's kind and state, since when it is in that state, its own error while that matters, and what
 * keeps this machine from taking leases. */
void registry_print_state(const Ctl *ctl, const json_t *manager);
/* Says whether the records of the registry, as leased knows them, hold now. Returns CTL_OK; or CTL_UNKNOWN if the
 * registry has not answered within a TTL, or is not the one that this machine has accepted, so that the records only
 * say how things were some time ago. */
int registry_known(const json_t *manager);
/* Asks leased whether they do. If not, says that the verb cannot be carried out without, and returns CTL_UNKNOWN. */
int registry_refuse_unknown(Ctl *ctl, const char *verb);
/* Prints when the last beat was sent and how long the answer took; and the last error of the registry, if that is
 * over. */
void registry_print_beat(const Ctl *ctl, const json_t *manager);
/* Writes a sentence that says whom a local registry in that directory excludes into buf, and returns buf. */
const char *registry_local_note(const char *directory, char *buf, size_t size);
