/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"

/* unit_options_preview() of this machine, kept until another unit is asked about: many look at one unit in turn. Adds
 * what is wrong to messages, which may be NULL. *ret is borrowed, and NULL if it is in doubt what is meant. */
int options_preview(const char *unit, const UnitOptions **ret, Messages *messages);
/* The same for a caller who wants a single fact. NULL: the options cannot be read. */
const UnitOptions *options_peek(const char *unit);
