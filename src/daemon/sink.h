/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/event.h"

/* The function to which an adapter of this folder hands what it has learnt: it goes to the core through loop_event().
 * The event, and what it points to, is borrowed until the call returns. */
typedef void (*event_sink_t)(const Event *event, void *userdata);
