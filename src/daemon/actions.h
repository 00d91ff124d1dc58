/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/core.h"

/* Carries out one action of the core, by handing it to the adapter whose work it is. A loop_perform_t, whose userdata
 * is the daemon; the action is borrowed. An action that cannot even be begun comes back to the core as EVENT_FAILED.
 */
void actions_perform(const Action *action, Now now, void *userdata);

/* Has the guard open the gate, now that the timer's file is set (timer-stamps.h); with an error, a negative errno, the
 * action comes back to the core as EVENT_FAILED, and that is logged. userdata is the daemon. */
void actions_open_gate(const Action *action, int error, void *userdata);
