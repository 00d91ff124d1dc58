/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Gives how many columns of a terminal the text takes. What is no character counts as one column. */
size_t width_of(const char *text);
