/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Starts polkit's agent at the terminal, which asks the user for a password where polkit wants one, and waits until it
 * listens. Does nothing for root, without a terminal, for a user who has an agent already, with --host=, and when
 * called again. Without the agent polkit decides by itself. The agent ends with this process. */
void polkit_agent_open(const Ctl *ctl);
