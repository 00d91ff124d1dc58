/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Writes "paused since ... by ...", from the properties of org.leased1.Manager. Returns false, and writes nothing, if
 * the cluster is not paused. */
bool pause_text(const json_t *manager, char *buf, size_t size);
/* Prints that as a line of its own, if the cluster is paused, and no JSON is wanted. */
void pause_print(const Ctl *ctl, const json_t *manager);
