/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* How the registry is, as status and registry print it. manager: all properties of org.leased1.Manager. */

/* Prints the registry's kind and state, since when it is in that state, its own error while that matters, and what
 * keeps this machine from taking leases. */
void registry_print_state(const Ctl *ctl, const json_t *manager);
/* Whether what the records say is so now: CTL_OK; or CTL_UNKNOWN if the registry has not answered within a TTL, or is
 * not the one that this machine goes by, so that the records say how things were some time ago. */
int registry_known(const json_t *manager);
/* Prints when the last beat was sent and how long the answer took. */
void registry_print_beat(const Ctl *ctl, const json_t *manager);
/* Writes a sentence on whom a local registry in that directory excludes into buf and returns it. */
const char *registry_local_note(const char *directory, char *buf, size_t size);
