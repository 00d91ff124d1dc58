/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"

/* From now on this text stands in for /etc/leased/units/NAME of the unit, for all that asks for its options. The text
 * must live until the program ends. */
void options_draft(const char *unit, const char *text);
/* Does what unit_options_preview() does on this machine, with the same errors. The result is kept until another
 * unit is asked about, since many functions look at the same unit in turn. Adds what is wrong to messages, which may
 * be NULL. *ret is borrowed until the next call, and NULL if it is in doubt what the files mean. */
int options_preview(const char *unit, const UnitOptions **ret, Messages *messages);
/* Gives the same options, for a caller who needs a single fact. NULL if the options cannot be read, or if it is in
 * doubt what they mean. */
const UnitOptions *options_peek(const char *unit);
