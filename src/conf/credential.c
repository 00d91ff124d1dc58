/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/credential.h"

#include <errno.h>
#include <fnmatch.h>
#include <unistd.h>

#include "conf/ini.h"
#include "conf/unit-files.h"
#include "util/names.h"
#include "util/strv.h"
#include "util/text.h"

/* Where PID 1 puts what it hands to leased.service. */
#define DIRECTORY "/run/credentials/" DAEMON_SERVICE

static int find_in_service(const char *root, const char *name, char **ret) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL, *full = NULL;

        *ret = NULL;
        if (isempty(directory))
                return 0;
        path = text_format("%s/%s", directory, name);
        full = path ? text_format("%s%s", root, path) : NULL;
        if (!full)
                return -ENOMEM;
        if (access(full, F_OK) == 0)
                *ret = TAKE_PTR(path);
        return 0;
}

/* Whether an option of leased.service has a credential of that name. */
typedef struct Wanted {
        const char *name;
        bool found;
} Wanted;

/* Takes a value "NAME:..." or "GLOB". An empty value takes back what stood before, as in systemd. */
static int parse(const char *value, void *field) {
        Wanted *wanted = field;
        _cleanup_free_ char *id = strndup(value, strcspn(value, ":"));

        if (!id)
                return -ENOMEM;
        wanted->found = *value && (wanted->found || fnmatch(id, wanted->name, 0) == 0);
        return 0;
}

static int find_in_files(const char *root, const char *name, bool *ret) {
        static const IniOption options[] = {
                { "LoadCredential", parse, 0 * sizeof(Wanted), "", NULL },
                { "LoadCredentialEncrypted", parse, 1 * sizeof(Wanted), "", NULL },
                { "SetCredential", parse, 2 * sizeof(Wanted), "", NULL },
                { "SetCredentialEncrypted", parse, 3 * sizeof(Wanted), "", NULL },
                { "ImportCredential", parse, 4 * sizeof(Wanted), "", NULL },
        };
        _cleanup_(messages_done) Messages others = {}; /* about the options that are not wanted here */
        _cleanup_(strv_freep) char **files = NULL;
        char *where[ELEMENTSOF(options)] = {};
        Wanted wanted[ELEMENTSOF(options)];
        IniTable table = {
                .section = "Service",
                .foreign = true,
                .options = options,
                .n_options = ELEMENTSOF(options),
                .target = wanted,
                .where = where,
        };
        int r = unit_files_find(root, DAEMON_SERVICE, &files);

        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                wanted[i] = (Wanted){ .name = name };
        for (char **f = files; r >= 0 && f && *f; f++)
                if (ini_load(root, *f, &table, &others) == -ENOMEM)
                        r = -ENOMEM;
        ini_where_done(&table);
        *ret = false;
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                *ret |= wanted[i].found;
        return r;
}

int credential_find(const char *root, bool in_service, const char *name, char **ret) {
        bool has = false;
        int r;

        if (in_service)
                return find_in_service(root, name, ret);
        *ret = NULL;
        r = find_in_files(root, name, &has);
        if (r < 0 || !has)
                return r;
        *ret = text_format(DIRECTORY "/%s", name);
        return *ret ? 0 : -ENOMEM;
}
