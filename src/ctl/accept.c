/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/accept.h"

#include <errno.h>

#include "ctl/signature.h"
#include "util/file-util.h"
#include "util/strv.h"
#include "util/text.h"

#define AHEAD_MAX INT64_C(86400000) /* ms: a day */

static char *kept_path(const char *name) {
        return text_format(ACCEPTED_DIRECTORY "/%s", name);
}

static char *before_path(const char *name) {
        return text_format(ACCEPTED_DIRECTORY "/%s.before", name);
}

/* As accept_recall(); takes path. */
static int recall(const char *name, char *path_taken, UnitRecord *ret) {
        _cleanup_free_ char *path = path_taken, *text = NULL;

        *ret = (UnitRecord){};
        if (!path)
                return -ENOMEM;
        return read_file(path, RECORD_TEXT_MAX, &text, NULL) >= 0 && unit_record_open(text, ret) == WHY_NONE &&
               unit_record_read(ret) == WHY_NONE && streq(ret->unit, name);
}

int accept_recall(const char *name, UnitRecord *ret) {
        return recall(name, kept_path(name), ret);
}

int accept_save(const char *name) {
        _cleanup_free_ char *path = kept_path(name), *before = before_path(name), *text = NULL;
        int r = path && before ? read_file(path, RECORD_TEXT_MAX, &text, NULL) : -ENOMEM;

        return r < 0 ? r : write_file_atomic(before, text, strlen(text), 0644, WRITE_SYNC);
}

int accept_recall_saved(const char *name, UnitRecord *ret) {
        return recall(name, before_path(name), ret);
}

int accept_forget_saved(const char *name) {
        _cleanup_free_ char *path = before_path(name);

        return path ? unlink_if_exists(path) : -ENOMEM;
}

int accept_keep(const char *name, const char *text) {
        _cleanup_free_ char *path = kept_path(name);
        int r = path ? mkdir_parents(ACCEPTED_DIRECTORY, 0755) : -ENOMEM;

        return r < 0 ? r : write_file_atomic(path, text, strlen(text), 0644, WRITE_SYNC);
}

/* Whether the signer may use the name, and those of all companions. */
static bool may_submit(const LeasedConf *conf, const char *signer, const char *name, const UnitRecord *r) {
        _cleanup_(strv_freep) char **companions = NULL;
        bool may = unit_record_companions(r, &companions) >= 0 && leased_conf_may_submit(conf, signer, name);

        for (char **c = companions; c && *c; c++)
                may = may && leased_conf_may_submit(conf, signer, *c);
        return may;
}

/* Finds a signer who may submit a unit of that name. */
static Why judge_signers(const LeasedConf *conf, char **signers, const char *name, const UnitRecord *r,
                char **ret_signer, char **ret_about) {
        for (char **s = signers; *s; s++)
                if (may_submit(conf, *s, name, r)) {
                        *ret_signer = strdup(*s);
                        return WHY_NONE;
                }
        *ret_signer = strdup(signers[0]);
        *ret_about = strdup(signers[0]);
        return WHY_FILE_NOT_ALLOWED;
}

/* What was signed is looked into only after the signature was found good. */
Why accept_judge(const LeasedConf *conf, const char *uuid, const char *name, const char *text, const UnitRecord *kept,
                UnitRecord *ret, char **ret_signer, char **ret_about) {
        _cleanup_(strv_freep) char **signers = NULL;
        Why why = unit_record_open(text, ret);

        *ret_signer = *ret_about = NULL;
        if (why == WHY_NONE && !unit_record_name_is_valid(name))
                why = WHY_FILE_BAD_NAME;
        if (why == WHY_NONE)
                why = signature_verify(ret->text, ret->signature, &signers, ret_about);
        if (why == WHY_NONE)
                why = unit_record_read(ret);
        if (why == WHY_NONE)
                why = judge_signers(conf, signers, name, ret, ret_signer, ret_about);
        if (why != WHY_NONE)
                return why;
        if (!streq(ret->unit, name)) {
                *ret_about = strdup(ret->unit);
                return WHY_FILE_OTHER_NAME;
        }
        if (!streq(ret->cluster, uuid)) {
                *ret_about = strdup(ret->cluster);
                return WHY_FILE_OTHER_CLUSTER;
        }
        /* A version is the time of its signature. One that is far ahead would keep out all that are signed until then.
         */
        if (ret->version > (int64_t) (now_realtime() / USEC_PER_MSEC) + AHEAD_MAX)
                return WHY_FILE_AHEAD;
        if (kept && (ret->version < kept->version || (ret->version == kept->version && !streq(ret->text, kept->text))))
                return WHY_FILE_TOO_OLD;
        return WHY_NONE;
}
