/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What has happened, for the plan and our offers. */

#include "core/state.h"

/* Something has changed that matters little, and may do so often: one plan for many of them. */
void news_soon(Core *c);
/* Our record names a new session: others may be about to come as well, and what is free is left alone for a round. */
void news_settle(Core *c);
