/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Looks after the environment files of the units that run here (environment.h, own-files.h): a file that somebody
 * removes, renames or writes over is written anew at once, since PID 1 may start the unit again by itself (Restart=) a
 * moment later, and would then read no token, or a wrong one.
 */

#include <systemd/sd-event.h>

#include "core/core.h"

typedef struct EnvironmentWatch EnvironmentWatch;

/* Makes the watch, on the machine of that id, which is borrowed, and logs where inotify cannot be had. -ENOMEM, or an
 * error of sd-event. */
int environment_watch_new(sd_event *event, const char *machine_id, EnvironmentWatch **ret);
/* Frees w, which may be NULL, and leaves the files as they are. Returns NULL. */
EnvironmentWatch *environment_watch_free(EnvironmentWatch *w);

/* Writes the file of the unit of an action, and keeps it so until environment_watch_drop(). A negative errno.
 * Non-logging. */
int environment_watch_set(EnvironmentWatch *w, const Action *a);
/* Removes the file of the unit, and no longer looks after it. A negative errno. Non-logging. */
int environment_watch_drop(EnvironmentWatch *w, const char *unit);
/* No longer looks after the file of the unit, which is left as it is. */
void environment_watch_forget(EnvironmentWatch *w, const char *unit);
/* Writes the file of the unit anew if it is not there or says something else than it was set to. Logs. */
void environment_watch_look(EnvironmentWatch *w, const char *unit);
