/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/outside-finding.h"

/* Looks whether a command hands work to another cluster. The scheduler of that cluster runs the work where it likes,
 * and goes on when its client is dead. Only for outside.c. */
Outside outside_cluster_look(const char *name, char *const *argv, OutsideFinding *f);
