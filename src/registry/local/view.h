/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A view: what a watch has seen of the database, so that its next look finds what has changed. */

#include "registry/local/store.h"

typedef struct LocalView LocalView;

/* Makes a view, owned by the caller, of the records under the prefix. NULL: out of memory. */
LocalView *local_view_new(const char *prefix);
LocalView *local_view_free(LocalView *view);
DEFINE_TRIVIAL_CLEANUP(LocalView *, local_view_free)

/*
 * Fills result with the records that have changed since the last look, in the order of their revisions; there may be
 * none. The whole list comes instead the first time, if relist is set, if the database was replaced or fell back, and
 * if deletions since the last look are forgotten. If inotify_fd is not negative, it reports the database's changes
 * from before this look on; if the kernel has no room for that, result->unwatched is set. Returns as
 * local_store_get().
 */
int local_view_look(LocalView *view, LocalStore *store, const LocalPatience *patience, bool relist, int inotify_fd,
                LocalResult *result);
