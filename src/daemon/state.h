/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the daemon keeps: its session's name in RUN/session, until the next boot, and the core's memory in
 * STATE/state.json, for ever.
 *
 * The session is written at once, since /run is memory. The core's memory is written and synced by a thread of its
 * own: a hung disk may delay an fsync for a minute, and the next beat cannot wait for it. While one text is being
 * written, only what changes meanwhile waits behind it. So the file may be old for as long as the disk hangs, which
 * does no harm: it is only read at the next start, and what it says only matters after the registry was replaced or
 * fell back.
 */

#include <systemd/sd-event.h>

#include "core/core.h"

typedef struct State State;

/* Reads what was kept. A state.json that cannot be read is renamed to state.json.damaged, with a line in the log, and
 * nothing counts as remembered. Both directories must exist. Logs; a negative errno. */
int state_new(sd_event *event, const char *run_directory, const char *state_directory, State **ret);
/* Waits for a write that is under way, at most 2 s. */
State *state_free(State *s);

/* What was found at the start; borrowed until state_free(). */
const CoreMemory *state_memory(const State *s);
/* From now on no registry is remembered, as on a machine that has used none; draining and the floor stay. To be called
 * before anybody has asked for the memory. */
void state_forget_registry(State *s);
/* The session that was found at the start, borrowed; NULL: there was none. */
const char *state_session(const State *s);

/* Keeps the session, which is on /run when this returns. Non-logging; a negative errno. */
int state_keep_session(State *s, const char *session);
/* Writes the session again where somebody has removed it, so that a restart still leaves units alone. To be called
 * from time to time. */
void state_look(State *s);
/* Copies what has changed of the memory, and has the whole written: all but the Indexes as they are given, and each
 * Index that is named (0: to forget it). Costs what has changed. Failures of the disk are logged, once until it works
 * again. */
void state_remember(State *s, const CoreMemory *changes);
/* What has become of the last memory: 0, the file has it; -EINPROGRESS: that is not known yet; or a negative errno. */
int state_result(const State *s);
/* Has f called whenever state_result() may be another one. NULL: never again. */
void state_on_result(State *s, void (*f)(void *userdata), void *userdata);
/* The path of state.json; borrowed. */
const char *state_path(const State *s);
