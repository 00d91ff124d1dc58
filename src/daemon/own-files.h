/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Looks after the files of one folder below /run/leased that others read: one for each of many units. The folder is
 * watched by inotify: a file that somebody removes, renames or writes over is looked at at once. So are all files when
 * something was mounted over /run/leased or taken away from there (/proc/self/mountinfo, proc_pid_mountinfo(5)): below
 * a mount that has gone lie the files of an earlier Index.
 *
 * However many files are changed at a time, one turn of the loop reads one buffer of news and looks at a few files.
 * What neither tells of, as on a machine where inotify cannot be had, is found when the owner has a file looked at for
 * another reason: own_files_look().
 */

#include <systemd/sd-event.h>

#include "util/macros.h"

typedef struct OwnFiles OwnFiles;

/* Writes the file of that unit anew, unless it is as it should be; data is that of own_files_add(). true: it was
 * written. Must not add or forget units. */
typedef bool (*own_files_look_t)(const char *unit, void *data, void *userdata);

/* Makes the watch, and logs where inotify cannot be had. folder and userdata are borrowed until own_files_free(). If
 * the folder is not there, it is made if make is true, and otherwise watched from when the first file was written.
 * -ENOMEM, or an error of sd-event. */
int own_files_new(
                sd_event *event, const char *folder, bool make, own_files_look_t look, void *userdata, OwnFiles **ret);
/* Frees f, which may be NULL, and leaves the files as they are. The data of no unit may be left that needs more than
 * free(). Returns NULL. */
OwnFiles *own_files_free(OwnFiles *f);

/* Gives the data of a unit that is looked after; NULL: it is not. */
void *own_files_find(OwnFiles *f, const char *unit);
/* Looks after the file of a unit from now on. Gives so many bytes for the caller, at first zeros, until
 * own_files_forget(); those that it has already if the unit was added before. NULL: no memory. */
void *own_files_add(OwnFiles *f, const char *unit, size_t size);
/* No longer looks after the file of the unit, which is left as it is. */
void own_files_forget(OwnFiles *f, const char *unit);
/* Any unit that is looked after; NULL: there is none. */
const char *own_files_first(const OwnFiles *f);
/* Looks at the file of the unit now, if it is looked after. */
void own_files_look(OwnFiles *f, const char *unit);
/* The folder may be there now, since the caller has written a file. */
void own_files_written(OwnFiles *f);
