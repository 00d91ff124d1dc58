/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sessions, offers and machines whose records are gone from the registry do not stay in memory for ever. */

#include "core/state.h"

/* Frees what is gone, and is needed no more. Called when all beats have been listed, and does something no more often
 * than once in a minute, since it goes through all records. */
void gone_forget(Core *c);
