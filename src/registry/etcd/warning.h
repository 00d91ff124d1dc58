/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What an operator should know although the registry works. */

#include "registry/etcd/state.h"

/* Makes e->status.warning and e->status.note anew from all facts. */
void etcd_warning_update(Etcd *e);
