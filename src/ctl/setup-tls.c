/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/setup-tls.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/files.h"
#include "ctl/program.h"
#include "util/file-util.h"
#include "util/text.h"

#define AUTHORITY SETUP_TLS_DIRECTORY "/ca.crt"
#define AUTHORITY_KEY SETUP_TLS_DIRECTORY "/ca.key"
#define CERTIFICATE SETUP_TLS_DIRECTORY "/machine.crt"
#define KEY SETUP_TLS_DIRECTORY "/machine.key"
#define REQUEST SETUP_TLS_DIRECTORY "/machine.csr"
#define EXTENSIONS SETUP_TLS_DIRECTORY "/machine.ext"

/* Ten years: nothing renews the certificates by itself, and a certificate that has run out stops every unit. */
#define DAYS "3650"
/* How long before its end a certificate is refused. */
#define SOON "2592000" /* seconds: 30 days */

static int openssl(const char *what, const char *const argv[]) {
        _cleanup_free_ char *error = NULL;
        int r = program_run(argv, NULL, &error);

        if (r == 0)
                return CTL_OK;
        return ctl_fail("%s: openssl: %s", what, r < 0 ? strerror(-r) : strempty(error));
}

static int make_authority(const SetupPlan *p) {
        if (p->here != p->machines)
                return ctl_fail(SETUP_TLS_DIRECTORY ": copy ca.crt and ca.key from %s, where leasectl setup --tls "
                                                    "makes them, and run this "
                                                    "again",
                                p->machines->name);
        say("making " AUTHORITY ", the authority of this cluster");
        return openssl(AUTHORITY,
                        (const char *const[]){ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                        "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS, "-subj",
                                        "/CN=leased authority", "-keyout", AUTHORITY_KEY, "-out", AUTHORITY, NULL });
}

static int make_certificate(const SetupPlan *p) {
        _cleanup_free_ char *subject = text_format("/CN=%s", p->here->name);
        _cleanup_free_ char *extensions = text_format(
                        "subjectAltName=IP:%s\nextendedKeyUsage=serverAuth,clientAuth\n", p->here->address);
        int code, r = subject && extensions ? write_file_atomic(EXTENSIONS, extensions, strlen(extensions), 0600, 0)
                                            : -ENOMEM;

        if (r < 0)
                return files_complain(EXTENSIONS, r);
        if (access(AUTHORITY_KEY, R_OK) < 0)
                return ctl_fail(AUTHORITY_KEY ": is needed to make this machine's certificate: copy it from %s",
                                p->machines->name);
        say("making " CERTIFICATE " for %s", p->here->address);
        code = openssl(KEY, (const char *const[]){ "openssl", "req", "-newkey", "ec", "-pkeyopt",
                                            "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", KEY,
                                            "-out", REQUEST, NULL });
        if (code == CTL_OK)
                code = openssl(CERTIFICATE,
                                (const char *const[]){ "openssl", "x509", "-req", "-in", REQUEST, "-CA", AUTHORITY,
                                                "-CAkey", AUTHORITY_KEY, "-CAcreateserial", "-days", DAYS, "-extfile",
                                                EXTENSIONS, "-out", CERTIFICATE, NULL });
        (void) unlink(REQUEST);
        (void) unlink(EXTENSIONS);
        return code;
}

/* Checks that the certificate is signed by the authority, is for the address of this machine, and is valid for more
 * than 30 days. */
static int check_certificate(const SetupPlan *p) {
        int code = openssl(CERTIFICATE, (const char *const[]){ "openssl", "verify", "-CAfile", AUTHORITY, "-verify_ip",
                                                        p->here->address, CERTIFICATE, NULL });

        if (code != CTL_OK)
                return code;
        if (program_run((const char *const[]){ "openssl", "x509", "-in", CERTIFICATE, "-noout", "-checkend", SOON,
                                        NULL },
                            NULL, NULL) != 0)
                return ctl_fail(CERTIFICATE ": has less than 30 days left: remove it, and run this again");
        return CTL_OK;
}

int setup_tls_prepare(const SetupPlan *p, bool dry_run) {
        int code = CTL_OK, r;

        if (!program_is_installed("openssl"))
                return ctl_fail("openssl is not installed, on Debian: apt-get install openssl");
        if (dry_run) {
                if (access(AUTHORITY, R_OK) < 0)
                        say("would make " AUTHORITY " and " AUTHORITY_KEY);
                if (access(CERTIFICATE, R_OK) < 0)
                        say("would make " CERTIFICATE " and " KEY);
                return CTL_OK;
        }
        r = mkdir_parents(SETUP_TLS_DIRECTORY, 0755);
        if (r >= 0 && chmod(SETUP_TLS_DIRECTORY, 0700) < 0)
                r = -errno;
        if (r < 0)
                return files_complain(SETUP_TLS_DIRECTORY, r);
        (void) umask(0077);
        if (access(AUTHORITY, R_OK) < 0)
                code = make_authority(p);
        if (code == CTL_OK && access(CERTIFICATE, R_OK) < 0)
                code = make_certificate(p);
        (void) umask(0022);
        return code == CTL_OK ? check_certificate(p) : code;
}

char *setup_tls_dropin(void) {
        return text_format("# Written by leasectl setup.\n"
                           "[Service]\n"
                           "LoadCredential=ca.crt:" AUTHORITY "\n"
                           "LoadCredential=machine.crt:" CERTIFICATE "\n"
                           "LoadCredential=machine.key:" KEY "\n");
}
