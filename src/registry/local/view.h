/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a watch has seen of the database, so that its next look finds what has changed. */

#include "registry/local/store.h"

typedef struct LocalView LocalView;

LocalView *local_view_new(const char *prefix);
LocalView *local_view_free(LocalView *view);
DEFINE_TRIVIAL_CLEANUP(LocalView *, local_view_free)

/*
 * Fills result with the whole (the first time, if relist, or if the database was replaced or fell back) or with what
 * has changed since the last look, in the order of the revisions; nothing at all is a good result, too. inotify_fd >=
 * 0: sees to it that the database's changes are reported there from before the look; if the kernel has no room for
 * that, result->unwatched says so.
 */
int local_view_look(LocalView *view, LocalStore *store, const LocalPatience *patience, bool relist, int inotify_fd,
                LocalResult *result);
