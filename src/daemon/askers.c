/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The names are those of /etc/passwd, read once. The database of users (NSS) is not asked: it may be on a network, and
 * asking it may block.
 */

#include "daemon/askers.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "core/record.h"
#include "util/hash.h"
#include "util/text.h"

typedef struct User {
        uint32_t uid;
        UT_hash_handle hh;
        char name[32];
} User;

struct Askers {
        User *users;
};

/* Of several names of one user the first one counts. */
static int add_user(Askers *a, const struct passwd *entry) {
        uint32_t uid = entry->pw_uid;
        User *u;

        HASH_FIND(hh, a->users, &uid, sizeof(uid), u);
        if (u)
                return 0;
        u = calloc(1, sizeof(User));
        if (!u)
                return -ENOMEM;
        u->uid = uid;
        str_copy(u->name, sizeof(u->name), entry->pw_name);
        HASH_ADD(hh, a->users, uid, sizeof(u->uid), u);
        return 0;
}

Askers *askers_new(void) {
        Askers *a = calloc(1, sizeof(Askers));
        FILE *file = a ? fopen("/etc/passwd", "re") : NULL;
        const struct passwd *entry;
        int r = 0;

        while (file && r >= 0 && (entry = fgetpwent(file)))
                r = add_user(a, entry);
        if (file)
                (void) fclose(file);
        return r < 0 ? askers_free(a) : a;
}

Askers *askers_free(Askers *a) {
        User *u, *next;

        if (!a)
                return NULL;
        HASH_ITER(hh, a->users, u, next) {
                HASH_DEL(a->users, u);
                free(u);
        }
        free(a);
        return NULL;
}

/* The user of the session in which the process is; uid if it is in none. */
static uint32_t login_of(uint32_t uid, uint32_t pid) {
        _cleanup_free_ char *session = NULL;
        uid_t login;

        if (pid == 0 || sd_pid_get_session((pid_t) pid, &session) < 0 || sd_session_get_uid(session, &login) < 0)
                return uid;
        return login;
}

void askers_format(const Askers *a, uint32_t uid, uint32_t pid, char *ret, size_t size) {
        char host[HOSTNAME_SIZE] = {}, text[HOSTNAME_SIZE + 64];
        const User *u;

        uid = login_of(uid, pid);
        HASH_FIND(hh, a->users, &uid, sizeof(uid), u);
        (void) gethostname(host, sizeof(host) - 1);
        if (u)
                (void) snprintf(text, sizeof(text), "%s%c%s", u->name, '@', host);
        else
                (void) snprintf(text, sizeof(text), "uid %" PRIu32 "%c%s", uid, '@', host);
        text_clean(ret, size, text);
}
