/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* Whether an error on the bus, by its name, says that the called program has not answered: nobody was there, or the
 * bus answered in its place. The call may have been carried out or not (law 8: unknown is not lost). leased and the
 * guard both call PID 1, and must take the same errors for PID 1's silence. NULL: no. */
bool bus_error_is_silence(const char *name);
