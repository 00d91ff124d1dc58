/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is found in a command, and what to write instead. Only for the files outside*.c. */

#include "conf/outside-finding.h"

/* Whether a slice that an option names is this one or below it. Both may be NULL. Engines take "/foo.slice/" for
 * foo.slice, too. */
bool outside_lies_in(const char *slice, const char *value);

/* Says what was found: the program and its verb, which may be NULL. */
void outside_say_what(OutsideFinding *f, const char *name, const char *verb);

/* Says what to write instead. Returns OUTSIDE_YES. */
Outside outside_say(OutsideFinding *f, const char *mend);
/* Says what to write where an option names the slice. The argument given is the present value of the option, or
 * NULL. The argument other is added to say what would do as well, and may be "". */
Outside outside_say_slice(
                OutsideFinding *f, const char *slice, const char *option, const char *given, const char *other);
/* Says what to write where nothing on the command line can name the slice. */
Outside outside_say_laid_down(OutsideFinding *f, const char *slice, const char *how);
