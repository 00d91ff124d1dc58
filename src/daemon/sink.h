/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/event.h"

/* Where an adapter of this folder hands what it has learnt: into the core, by way of loop_event(). What the event
 * points to is borrowed until the call returns. */
typedef void (*event_sink_t)(const Event *event, void *userdata);
