/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/verbs.h"

/*
 * Patterns in place of names, with "*", "?" and "[...]" as in a shell: "queue@*" stands for each unit that is enabled
 * here and whose name fits, with or without ".service" at its end. No name of a unit has such characters.
 */

/* Replaces each pattern among the arguments of a verb by the names that fit, in their order. For a verb about leases
 * (ARGUMENTS_LEASES) these are units and leases. *ret is a list as of util/strv.h, owned by the caller; NULL if no
 * argument is a pattern. Returns CTL_OK, or prints what is wrong and returns another exit code: CTL_NO_SUCH_UNIT if no
 * name fits. */
int globs_expand(Ctl *ctl, const Verb *verb, int argc, char **argv, char ***ret);
