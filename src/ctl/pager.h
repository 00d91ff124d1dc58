/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Sends stdout through $LEASED_PAGER, $PAGER or less(1), if stdout is a terminal and --no-pager was not given. Without
 * any of them, or if no process can be started, stdout stays as it is. */
void pager_open(const Ctl *ctl);
/* Ends what pager_open() began: waits until the reader has left the pager, and gives stdout back. */
void pager_close(void);
