/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* Whether the D-Bus error of this name says that the program that was called has not answered: nobody was there, or
 * the bus answered in its place. The call may have been carried out or not (law 8: unknown is not lost). leased and
 * the guard both call PID 1, and must take the same errors for silence of PID 1. For NULL, no error, this is false. */
bool bus_error_is_silence(const char *name);
