/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the daemon keeps: its session's name in RUN/session (until the next boot), and the core's memory in
 * STATE/state.json (for ever).
 *
 * The session is written at once: /run is memory. The memory is written and synced by a thread of its own, because a
 * hung disk may hold an fsync back for a minute and the next beat cannot wait for it; while one write is under way
 * only the newest text waits behind it. So the file may lag behind for as long as the disk hangs. That is allowed:
 * what it holds back is only needed after the registry was replaced, or at the next boot.
 */

#include <systemd/sd-event.h>

#include "core/core.h"

typedef struct State State;

/* Reads what is there. A state.json that cannot be read is logged, kept aside as state.json.damaged, and nothing
 * counts as remembered. Directories must exist. */
int state_new(sd_event *event, const char *run_directory, const char *state_directory, State **ret);
/* Waits for a write under way, at most 2 s. */
State *state_free(State *s);

/* What was found at the start; borrowed until state_free(). */
const CoreMemory *state_memory(const State *s);
const char *state_session(const State *s); /* NULL: none */

/* Non-logging; the session is on /run when it returns. */
int state_keep_session(State *s, const char *session);
/* Writes the session again where somebody has removed it, so that a restart still leaves units alone. To be called
 * from time to time. */
void state_look(State *s);
/* Copies the memory and has it written. Failures of the disk are logged, once until it works again. */
void state_remember(State *s, const CoreMemory *memory);
/* What became of it: 0, the file says it; a negative errno; -EINPROGRESS: it is not known yet. */
int state_result(State *s);
/* Called whenever state_result() may be another; NULL: no more. */
void state_on_result(State *s, void (*f)(void *userdata), void *userdata);
const char *state_path(const State *s);
