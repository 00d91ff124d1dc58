/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/signature.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ctl/program.h"
#include "util/file-util.h"
#include "util/strv.h"
#include "util/text.h"

#define NAMESPACE "leased"
/* How long ssh-keygen may take for one question about a signature. */
#define VERIFY_TIME (5 * USEC_PER_SEC)

int signature_make(const char *key, const char *text, char **ret) {
        const char *const argv[] = { "ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", key, NULL };
        _cleanup_free_ char *error = NULL;
        int r;

        if (!program_is_installed(argv[0]))
                return ctl_fail("ssh-keygen is not installed (package openssh-client)");
        r = program_feed(argv, text, USEC_INFINITY, ret, &error); /* a token may ask for its PIN */
        if (r != 0)
                return ctl_fail("%s: cannot sign: %s", key, r < 0 ? strerror(-r) : strempty(error));
        return *ret ? CTL_OK : ctl_fail("%s: out of memory", key);
}

/* Whether only root decides what stands in the file: the file of the administrator, not a link to somebody's. */
static bool is_ours(const char *path) {
        struct stat st;

        return lstat(path, &st) >= 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && !(st.st_mode & 0022);
}

/* A pattern names many, and what AllowedUnits= says of one of them must not be had by signing as another. */
static bool is_plain_name(const char *s) {
        const char *marks = "@._+-";

        for (const char *p = s; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr(marks, *p))
                        return false;
        return *s && *s != '-';
}

/* Asks ssh-keygen about a signature. Returns 0 for yes, 1 for no, and a negative errno if it says nothing: it was not
 * started, took too long, or was killed. That is no judgement of the signature. */
static int ask(const char *const argv[], const char *text, char **ret, char **ret_about) {
        int r = program_feed(argv, text, VERIFY_TIME, ret, NULL);

        if (r >= 0 && (r <= 128 || r > 128 + SIGRTMAX)) /* ssh-keygen ends with 255 for no */
                return r == 0 ? 0 : 1;
        if (r == -ETIMEDOUT)
                *ret_about = text_format("no answer in %ds", (int) (VERIFY_TIME / USEC_PER_SEC));
        else
                *ret_about = r < 0 ? strdup(strerror(-r)) : text_format("killed by signal %d", r - 128);
        return r < 0 ? r : -EIO;
}

static int ask_name(const char *text, const char *file, const char *name, char **ret_about) {
        const char *const argv[] = { "ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-f", SIGNERS_FILE, "-I", name,
                "-s", file, NULL };

        return ask(argv, text, NULL, ret_about);
}

Why signature_verify(const char *text, const char *signature, char ***ret, char **ret_about) {
        _cleanup_(strv_freep) char **names = NULL, **good = NULL;
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *out = NULL;
        char file[64];
        const char *const argv[] = { "ssh-keygen", "-Y", "find-principals", "-f", SIGNERS_FILE, "-s", file, NULL };
        int r;

        *ret = NULL;
        if (!*signature || !*text)
                return WHY_FILE_UNSIGNED;
        if (!is_ours(SIGNERS_FILE))
                return WHY_FILE_NO_SIGNERS;
        fd = program_hold(signature);
        (void) snprintf(file, sizeof(file), "/proc/%d/fd/%d", (int) getpid(), fd);
        r = fd < 0 ? fd : ask(argv, "", &out, ret_about);
        if (r < 0)
                return WHY_FILE_NOT_VERIFIED;
        if (r > 0 || !out || strv_split_lines(out, &names) < 0 || !names)
                return WHY_FILE_UNKNOWN_SIGNER;
        for (char **n = names; *n; n++) {
                r = is_plain_name(*n) ? ask_name(text, file, *n, ret_about) : 1;
                if (r < 0)
                        return WHY_FILE_NOT_VERIFIED;
                if (r == 0 && strv_add(&good, *n) < 0)
                        return WHY_FILE_NOT_VERIFIED;
        }
        if (!good)
                return WHY_FILE_BAD_SIGNATURE;
        *ret = TAKE_PTR(good);
        return WHY_NONE;
}
