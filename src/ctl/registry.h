/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * How the registry is, as status and registry print it. manager: all properties of org.leased1.Manager.
 */

/* Kind, state and since when; the registry's own error while it matters; apart from that, what this machine waits for.
 */
void registry_print_state(const Ctl *ctl, const json_t *manager);
/* CTL_OK, or CTL_UNKNOWN: the registry has not answered within a TTL, or is not the one that this machine goes by, so
 * that what its records are said to be was so some time ago. */
int registry_known(const json_t *manager);
/* Whom a local registry in that directory excludes, and so whom it does not. Written into buf and returned. */
const char *registry_local_note(const char *directory, char *buf, size_t size);
/* The last beat and how long the answer took. */
void registry_print_beat(const Ctl *ctl, const json_t *manager);
