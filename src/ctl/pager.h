/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Sends stdout through a pager until pager_close(). The pager is $LEASED_PAGER or $PAGER, and otherwise, or if that
 * cannot be executed, the first of less(1), more(1) and cat(1) that is installed. stdout stays as it is if it is no
 * terminal, with --no-pager, if the variable is empty or "cat", or if no process can be started. */
void pager_open(const Ctl *ctl);
/* Waits until the reader has left the pager, and gives stdout back. Does nothing but flush stdout if there is no
 * pager. */
void pager_close(void);
