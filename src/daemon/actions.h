/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/core.h"

/* Carries out one action of the core: a loop_perform_t, userdata being the daemon. An action that fails becomes
 * EVENT_FAILED. */
void actions_perform(const Action *action, Now now, void *userdata);
