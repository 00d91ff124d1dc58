/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the daemon keeps: the name of its session in RUN/session, until the next boot, and the core's memory in
 * STATE/state.json, for ever. RUN and STATE are the directories given to state_new().
 *
 * The session is written at once, since /run is in memory. The core's memory is written and synced by a thread of its
 * own: a hung disk may delay an fsync for a minute, and the next beat cannot wait for that. While one text is being
 * written, what changes meanwhile is collected for the next one. So the file may be old for as long as the disk hangs,
 * which does no harm: it is read only at the next start, and matters only after the registry was replaced or fell
 * back.
 */

#include <systemd/sd-event.h>

#include "core/core.h"

typedef struct State State;

/* Reads what was kept, and starts the thread. A state.json that cannot be understood is renamed to state.json.damaged,
 * with a line in the log, and nothing counts as remembered. Both directories must exist. Logs; a negative errno. */
int state_new(sd_event *event, const char *run_directory, const char *state_directory, State **ret);
/* Frees s, which may be NULL, after it has waited for a write that is under way, at most 2 s. Returns NULL. */
State *state_free(State *s);

/* The memory that was found at the start; borrowed until state_free(). */
const CoreMemory *state_memory(const State *s);
/* Forgets which registry was remembered, as on a machine that has never used one; draining, the floor and the Indexes
 * stay. Must be called before anybody has used state_memory(). */
void state_forget_registry(State *s);
/* The registry that was forgotten in this way, if it was known for longer than a TTL; borrowed until state_free(). */
const FormerRegistry *state_former(const State *s);
/* The session that was found at the start, borrowed until state_free(); NULL: there was none. */
const char *state_session(const State *s);

/* Writes the session's name to /run before it returns. A negative errno. Non-logging. */
int state_keep_session(State *s, const char *session);
/* Writes the session's name again if somebody has removed the file, so that a restart still leaves units alone. Must
 * be called from time to time. */
void state_look(State *s);
/* Notes changes of the memory, and has them written. changes: everything of the memory as it is now, except that of
 * the Indexes only those that have changed are named (0: forget it). Copies the texts. Only what has changed costs
 * time here. A failure of the disk is logged once, until a write succeeds again. */
void state_remember(State *s, const CoreMemory *changes);
/* What has become of the memory that was last handed over: 0, it is in the file; -EINPROGRESS, that is not known yet;
 * or another negative errno, it could not be written. */
int state_result(const State *s);
/* Has f() called whenever state_result() may have changed; userdata is borrowed. NULL: never again. */
void state_on_result(State *s, void (*f)(void *userdata), void *userdata);
/* The path of state.json, borrowed until state_free(). */
const char *state_path(const State *s);
