/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Until when no lease moves where the registry fell back to an older state during the pause. */
#define PAUSE_WAITS                                                                                                   \
        "until each machine that holds leases beats or is confirmed dead: the registry fell back during the pause"

/* Whether the pause ends so, and not a TTL after the resume at the latest; from the properties of org.leased1.Manager.
 */
bool pause_waits_for_all(const json_t *manager);
/* Writes "paused since ... by ...", from the properties of org.leased1.Manager. Returns false, and writes nothing, if
 * the cluster is not paused. */
bool pause_text(const json_t *manager, char *buf, size_t size);
/* Prints that as a line of its own, if the cluster is paused, and no JSON is wanted. */
void pause_print(const Ctl *ctl, const json_t *manager);
