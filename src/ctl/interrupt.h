/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* Ctrl-C, while a command waits for something that it can still take back, or that goes on without it. */

/* From this call on, the first SIGINT ends a wait of this process and is noted; a second one ends the process. */
void interrupt_catch(void);
/* SIGINT ends the process again. */
void interrupt_release(void);
/* Whether the first SIGINT has come. */
bool interrupt_came(void);
/* Ends the process by SIGINT, after what it has said about that; so a shell ends what the command is a part of. */
_Noreturn void interrupt_leave(void);
