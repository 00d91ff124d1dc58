/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Engines that a command reaches on another machine, or whose calls it makes itself. Only for outside.c. */

#include "conf/outside-finding.h"

/* Whether the options between argv and end name an engine that is not on this machine, or may not be. */
bool outside_engine_is_elsewhere(const char *name, char *const *argv, char *const *end, const char *valued);

/* Looks whether a program like curl calls an engine to start something. */
Outside outside_engine_look_at_call(const char *name, char *const *argv, const char *slice, OutsideFinding *f);
