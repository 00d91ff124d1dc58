/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/verbs.h"

/* Prints how a verb is used, made of the tables of verbs and options; for the verb "", which is what leasectl does
 * without a verb, all of both tables. Returns CTL_OK. */
int help_about(const Verb *verb);
/* Prints the version. Returns CTL_OK. */
int help_version(const Ctl *ctl);
