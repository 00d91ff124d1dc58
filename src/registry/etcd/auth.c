/* SPDX-License-Identifier: Apache-2.0 */

/*
 * User and password become a token, which every request bears. It gets lost when a member restarts, when it was not
 * used for five minutes there, or when a password changes; then a new one is got, one for all that wait for it:
 * checking a password costs the server a tenth of a second. The password file is read each time, so that a new
 * password takes effect by itself. Neither is ever shown.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/etcd/etcd.h"
#include "util/file-util.h"

#define AUTHENTICATE_TIMEOUT (5 * USEC_PER_SEC)
#define AUTHENTICATE_AGAIN (2 * USEC_PER_SEC)
enum { PASSWORD_MAX = 1024 };

/* Non-blocking, and only a regular file: it is also called from the loop. */
static int read_password(const char *path, char ret[static PASSWORD_MAX], const char **ret_why) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0) {
                *ret_why = strerror(errno);
                return -errno;
        }
        if (!S_ISREG(st.st_mode)) {
                *ret_why = "it is not a regular file";
                return -EINVAL;
        }
        if (st.st_mode & (S_IROTH | S_IWOTH)) {
                *ret_why = "everybody can read it: chmod 600";
                return -EPERM;
        }
        n = read(fd, ret, PASSWORD_MAX - 1);
        if (n < 0) {
                *ret_why = strerror(errno);
                return -errno;
        }
        ret[n] = '\0';
        if (n > 0 && ret[n - 1] == '\n')
                ret[--n] = '\0';
        if (n == 0 || n == PASSWORD_MAX - 1 || strlen(ret) != (size_t) n) {
                *ret_why = "it must hold one line, the password";
                return -EINVAL;
        }
        return 0;
}

int etcd_auth_open(Etcd *e, const RegistryConfig *config, char **ret_error) {
        char password[PASSWORD_MAX];
        const char *why = NULL;
        int r;

        if (isempty(config->user) && isempty(config->password_file))
                return 0;
        if (isempty(config->user) || isempty(config->password_file)) {
                *ret_error = strdup("User= and PasswordFile= need each other");
                return -EINVAL;
        }
        r = read_password(config->password_file, password, &why);
        explicit_bzero(password, sizeof(password));
        if (r < 0) {
                if (asprintf(ret_error, "PasswordFile=%s: %s", config->password_file, why) < 0)
                        *ret_error = NULL;
                return r;
        }
        e->user = strdup(config->user);
        e->password_file = strdup(config->password_file);
        return e->user && e->password_file ? 0 : -ENOMEM;
}

static void token_drop(Etcd *e) {
        if (e->token)
                explicit_bzero(e->token, strlen(e->token));
        free(e->token);
        e->token = NULL;
        e->token_serial++;
}

void etcd_auth_done(Etcd *e) {
        e->authenticate = etcd_call_free(e->authenticate);
        token_drop(e);
        free(e->user);
        free(e->password_file);
}

static void auth_failed(Etcd *e, usec_t again_in) {
        e->auth_not_before = usec_add(now_boottime(), again_in);
        etcd_calls_wake(e);
}

static void token_take(Etcd *e, const json_t *root) {
        char *token;

        if (etcd_decode_token(root, &token) < 0) {
                str_copy(e->auth_error, sizeof(e->auth_error), "etcd's answer to the password holds no token");
                auth_failed(e, AUTHENTICATE_AGAIN);
                return;
        }
        token_drop(e);
        if (asprintf(&e->token, "Authorization: %s", token) < 0)
                e->token = NULL;
        explicit_bzero(token, strlen(token));
        free(token);
        etcd_calls_wake(e);
        /* Newer members do not tell a stranger who they are. */
        for (size_t i = 0; i < e->n_endpoints; i++)
                if (e->endpoints[i].cluster_id == 0) {
                        etcd_probe(e);
                        break;
                }
}

static void on_token(const EtcdReply *reply, void *userdata) {
        Etcd *e = userdata;

        e->authenticate = etcd_call_free(e->authenticate);
        if (reply->answered) {
                token_take(e, reply->root);
        } else if (reply->error.code == ETCD_CODE_PRECONDITION) {
                e->auth_off = true;
                etcd_warnings_update(e);
                etcd_calls_wake(e);
        } else if (reply->error.code == ETCD_CODE_INVALID) {
                (void) snprintf(e->auth_error, sizeof(e->auth_error),
                                "etcd does not accept User=%s with the password in %s", e->user, e->password_file);
                auth_failed(e, AUTHENTICATE_AGAIN);
        } else {
                str_copy(e->auth_error, sizeof(e->auth_error), reply->text);
                auth_failed(e, 0);
        }
}

void etcd_auth_start(Etcd *e) {
        char password[PASSWORD_MAX];
        const char *why = NULL;
        char *body;

        if (e->authenticate || now_boottime() < e->auth_not_before)
                return;
        if (read_password(e->password_file, password, &why) < 0) {
                (void) snprintf(e->auth_error, sizeof(e->auth_error), "PasswordFile=%s: %s", e->password_file, why);
                return;
        }
        body = etcd_encode_authenticate(e->user, password);
        explicit_bzero(password, sizeof(password));
        if (etcd_call_new(e, "/v3/auth/authenticate", body, usec_add(now_boottime(), AUTHENTICATE_TIMEOUT),
                            ETCD_CALL_NO_TOKEN, on_token, e, &e->authenticate) < 0)
                str_copy(e->auth_error, sizeof(e->auth_error), "out of memory");
}

void etcd_auth_lost(Etcd *e, uint64_t serial) {
        if (serial != e->token_serial)
                return; /* there is a newer one already */
        token_drop(e);
        if (e->auth_off) {
                e->auth_off = false;
                etcd_warnings_update(e);
        }
}
