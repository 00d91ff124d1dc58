/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/environment-watch.h"

#include <errno.h>

#include "conf/dropin.h"
#include "daemon/environment.h"
#include "daemon/own-files.h"
#include "util/log.h"

typedef struct Kept {
        Environment says;
        bool told; /* it is logged that the file cannot be written */
} Kept;

struct EnvironmentWatch {
        const char *machine_id;
        OwnFiles *files; /* the data of each is a Kept */
};

static bool look(const char *unit, void *data, void *userdata) {
        const EnvironmentWatch *w = userdata;
        Kept *k = data;
        _cleanup_free_ char *text = environment_text(w->machine_id, unit, &k->says);
        int r = text ? environment_keep(unit, text) : -ENOMEM;

        if (r > 0)
                log_notice("%s: its environment file was not there, or not as it should be: written anew", unit);
        if (r < 0 && !k->told)
                log_warning_errno(r, "%s: its environment file cannot be written anew", unit);
        k->told = r < 0;
        return r > 0;
}

int environment_watch_set(EnvironmentWatch *w, const Action *a) {
        _cleanup_free_ char *text = NULL;
        bool is_new = !own_files_find(w->files, a->unit);
        Kept *k = own_files_add(w->files, a->unit, sizeof(Kept));

        if (!k)
                return -ENOMEM;
        if (!environment_take(&k->says, a)) {
                if (is_new)
                        environment_watch_forget(w, a->unit); /* it says nothing that may be written */
                return -ENOMEM;
        }
        text = environment_text(w->machine_id, a->unit, &k->says);
        return text ? environment_write(a->unit, text) : -ENOMEM;
}

void environment_watch_forget(EnvironmentWatch *w, const char *unit) {
        Kept *k = own_files_find(w->files, unit);

        if (!k)
                return;
        environment_done(&k->says);
        own_files_forget(w->files, unit);
}

int environment_watch_drop(EnvironmentWatch *w, const char *unit) {
        environment_watch_forget(w, unit);
        return environment_remove(unit);
}

void environment_watch_look(EnvironmentWatch *w, const char *unit) {
        own_files_look(w->files, unit);
}

int environment_watch_new(sd_event *event, const char *machine_id, EnvironmentWatch **ret) {
        EnvironmentWatch *w = calloc(1, sizeof(EnvironmentWatch));
        int r;

        if (!w)
                return -ENOMEM;
        w->machine_id = machine_id;
        r = own_files_new(event, ENV_DIRECTORY, true, look, w, &w->files);
        if (r < 0) {
                environment_watch_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

EnvironmentWatch *environment_watch_free(EnvironmentWatch *w) {
        if (!w)
                return NULL;
        while (w->files && own_files_first(w->files))
                environment_watch_forget(w, own_files_first(w->files));
        own_files_free(w->files);
        free(w);
        return NULL;
}
