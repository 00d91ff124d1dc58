/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* The files of this machine in which options of a unit stand. */

typedef struct OptionFile {
        char *path;
        char *text; /* its sections [X-Fleet] and [X-Leased] */
} OptionFile;

typedef struct OptionFiles {
        OptionFile *list;
        size_t n;
} OptionFiles;

/* Reads the files of a unit that have such a section, in the order in which they count: the unit file, its drop-ins,
 * and, with own, /etc/leased/units/NAME. ret is zeroed before; the caller frees it with option_files_done(), also on
 * failure. Prints what is wrong and returns an exit code. */
int option_files_read(const char *unit, bool own, OptionFiles *ret);
/* Frees what f owns; for _cleanup_. */
void option_files_done(OptionFiles *f);
