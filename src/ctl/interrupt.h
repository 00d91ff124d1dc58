/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* What may end a command from outside. First, Ctrl-C, while the command waits for something that it can still take
 * back, or that goes on without it. */

/* From this call on, the first SIGINT ends a wait of this process and is noted; a second one ends the process. */
void interrupt_catch(void);
/* SIGINT ends the process again. */
void interrupt_release(void);
/* Whether the first SIGINT has come. */
bool interrupt_came(void);
/* Ends the process by SIGINT, after what it has said about that; so a shell ends what the command is a part of. */
_Noreturn void interrupt_leave(void);

/* From this call on, the process goes on although nobody reads what it prints any more. Verbs call this before they
 * change files that leased has to be told of: if they ended in between, the change would come into force with a later
 * reload. */
void interrupt_outlive_readers(void);
