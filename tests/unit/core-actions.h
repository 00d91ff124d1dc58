/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Actions outlive the step that made them: they are copied, queued, and carried out in their order. */

#include "core/core.h"

size_t record_value_size(RecordKind kind);
Action action_copy(const Action *a);
void action_free(Action *a); /* what the copy owns */
