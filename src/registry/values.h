/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How many values a text of JSON has, before it is parsed: jansson takes about 250 bytes and more than a microsecond
 * for each of them, and the shortest has three bytes of text.
 */

#include "util/macros.h"

/* Whether a text of size bytes has at most max values, commas and brackets counted. Of a text that is no JSON, those
 * are counted that jansson would make before it finds out. Does not read on when there are more. */
bool values_are_few(const char *text, size_t size, size_t max);
