/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/core.h"

/* Carries out one action of the core, by handing it to the adapter whose work it is. A loop_perform_t, whose userdata
 * is the daemon; the action is borrowed. An action that cannot even be begun comes back to the core as EVENT_FAILED.
 */
void actions_perform(const Action *action, Now now, void *userdata);
