/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/local/view.h"

#include <sys/inotify.h>

struct LocalView {
        char *prefix, store[LOCAL_STORE_ID_SIZE];
        uint64_t revision; /* up to here all was seen */
        unsigned opened;   /* of the store, then */
};

LocalView *local_view_free(LocalView *view) {
        if (!view)
                return NULL;
        free(view->prefix);
        free(view);
        return NULL;
}

LocalView *local_view_new(const char *prefix) {
        LocalView *view = calloc(1, sizeof(LocalView));

        if (!view)
                return NULL;
        view->prefix = strdup(prefix);
        return view->prefix ? view : local_view_free(view);
}

/* Whether changes may have been missed. Another file may have another history, even if its id is the same and its
 * revision is higher. */
static bool is_gap(const LocalView *view, const LocalStore *store, const LocalResult *result) {
        return view->opened != store->opened || !streq(view->store, result->store) ||
               result->revision < view->revision || view->revision < store->since;
}

/* Watches the database for writes, and the directory for another file in its place. Costs nothing for a directory
 * that is watched already. */
static bool watch_files(const LocalStore *store, int fd) {
        return fd >= 0 &&
               inotify_add_watch(fd, store->directory,
                               IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |
                                               IN_ONLYDIR) >= 0 &&
               inotify_add_watch(fd, store->path, IN_MODIFY | IN_CLOSE_WRITE) >= 0;
}

int local_view_look(LocalView *view, LocalStore *store, const LocalPatience *patience, bool relist, int inotify_fd,
                LocalResult *result) {
        int r = local_store_begin(store, patience, false, result);

        if (r < 0)
                return r;
        result->unwatched = !watch_files(store, inotify_fd);
        if (relist || is_gap(view, store, result))
                r = local_store_add_list(store, view->prefix, result);
        else if (result->revision > view->revision)
                r = local_store_add_changes(store, view->prefix, view->revision, result);
        local_store_end(store);
        if (r < 0)
                return r;
        str_copy(view->store, sizeof(view->store), result->store);
        view->revision = result->revision;
        view->opened = store->opened;
        return 0;
}
