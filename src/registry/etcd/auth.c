/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A token gets lost when a member restarts, when it was not used for five minutes there, or when a password changes.
 * Then a new one is got, one for all calls that wait for it: checking a password costs the server a tenth of a second.
 * The password file is read each time, so that a new password takes effect by itself. Neither is ever shown.
 *
 * Calls need a token, so the request for one is no call but an HTTP request of its own. One attempt goes to the
 * endpoint in use. If that brings no answer, the calls that wait begin the next attempt, after a pause that grows,
 * until their own time is over; after a round of all endpoints an attempt has twice the time. If it brings a no, calls
 * fail with its text for a while, and nothing is tried.
 */

#include "registry/etcd/auth.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/etcd/encode.h"
#include "registry/etcd/endpoint.h"
#include "registry/etcd/identity.h"
#include "registry/etcd/judge.h"
#include "registry/etcd/leader.h"
#include "registry/etcd/send.h"
#include "util/file-util.h"

#define ATTEMPT_MIN USEC_PER_SEC /* checking a password takes a busy server much longer than a tenth of a second */
#define ATTEMPT_MAX (8 * USEC_PER_SEC) /* so much that a server gets an answer out that was too late the last time */
#define AGAIN_AFTER_NO (2 * USEC_PER_SEC)
#define PAUSE_FIRST (50 * USEC_PER_MSEC)
#define PAUSE_MAX (500 * USEC_PER_MSEC)
enum { PASSWORD_MAX = 1024 };

/* Reads the password. Never blocks, for it is called from the loop: only a regular file will do. */
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
        e->auth.user = strdup(config->user);
        e->auth.password_file = strdup(config->password_file);
        return e->auth.user && e->auth.password_file ? 0 : -ENOMEM;
}

static void token_drop(Etcd *e) {
        if (e->auth.token)
                explicit_bzero(e->auth.token, strlen(e->auth.token));
        free(e->auth.token);
        e->auth.token = NULL;
        e->auth.serial++;
}

void etcd_auth_done(Etcd *e) {
        e->auth.request = http_request_free(e->auth.request);
        token_drop(e);
        free(e->auth.user);
        free(e->auth.password_file);
}

/* ---- the outcome of an attempt ---- */

/* The server said no. */
static void refused(Etcd *e, const char *text) {
        str_copy(e->auth.error, sizeof(e->auth.error), text);
        e->auth.refused = true;
        e->auth.failures = 0;
        e->auth.again_at = usec_add(now_boottime(), AGAIN_AFTER_NO);
}

/* No answer to the password came. The next attempt follows at once; after a round of all endpoints it follows after a
 * pause. */
static void unanswered(Etcd *e, const char *text) {
        EtcdAuth *a = &e->auth;
        unsigned round = MIN(++a->failures / (unsigned) e->endpoints.n, 5u);

        str_copy(a->error, sizeof(a->error), text);
        a->again_at = now_boottime();
        if (a->failures % e->endpoints.n == 0)
                a->again_at = usec_add(a->again_at, MIN(PAUSE_FIRST << round, PAUSE_MAX));
}

static void token_take(Etcd *e, const json_t *root) {
        char *token;

        if (etcd_decode_token(root, &token) < 0) {
                refused(e, "etcd's answer to the password holds no token");
                return;
        }
        token_drop(e);
        if (asprintf(&e->auth.token, "Authorization: %s", token) < 0)
                e->auth.token = NULL;
        explicit_bzero(token, strlen(token));
        free(token);
        e->auth.failures = 0;
        e->auth.error[0] = '\0';
        /* Newer members tell their cluster only to those with a token: with this token they are asked again. */
        for (size_t i = 0; i < e->endpoints.n; i++)
                if (e->endpoints.items[i].cluster_id == 0) {
                        etcd_state_note(e, ETCD_NEWS_PROBE);
                        break;
                }
}

static void on_error(Etcd *e, size_t i, const EtcdError *error) {
        EtcdAuth *a = &e->auth;
        char text[ETCD_TEXT_SIZE];

        (void) snprintf(text, sizeof(text), "%s: %s", e->endpoints.items[i].url, error->message);
        if (error->code == ETCD_CODE_PRECONDITION) {
                a->off = true;
                etcd_state_note(e, ETCD_NEWS_WARNINGS);
        } else if (error->code == ETCD_CODE_INVALID) {
                (void) snprintf(text, sizeof(text), "etcd does not accept User=%s with the password in %s", a->user,
                                a->password_file);
                refused(e, text);
        } else if (etcd_judge_leader_change(error)) {
                etcd_leader_changed(e);
                unanswered(e, text); /* at the same endpoint: it has a leader now */
        } else if (error->code == ETCD_CODE_EXHAUSTED) {
                etcd_state_note(e, ETCD_NEWS_PROBE); /* it may be a NOSPACE alarm: the status says so then */
                unanswered(e, text);
        } else if (etcd_judge(error) == ETCD_VERDICT_FINAL || etcd_judge(error) == ETCD_VERDICT_TOKEN) {
                refused(e, text);
        } else {
                if (etcd_judge_leaderless(error))
                        etcd_leader_ask(e, i);
                etcd_endpoint_failed(e, i, text);
                unanswered(e, text);
        }
}

static void on_answer(const HttpAnswer *a, void *userdata) {
        Etcd *e = userdata;
        size_t i = e->auth.endpoint;
        json_t *root = a->outcome == HTTP_ANSWERED ? etcd_decode_object(a->body, a->size) : NULL;
        char text[ETCD_TEXT_SIZE] = "";
        EtcdHeader header;
        EtcdError error = {};

        assert(e->auth.request && !e->auth.token);
        etcd_endpoint_seen(e, i, a);
        if (root && a->status == 200 && etcd_decode_header(root, &header) == 0) {
                if (etcd_identity_check(e, i, a->address, &header)) {
                        etcd_leader_term(e, header.raft_term);
                        etcd_endpoint_served(e, i);
                        token_take(e, root);
                } else if (e->identity.cluster_id != 0) {
                        etcd_endpoint_tell_odd(e, i, a->address, text, sizeof(text));
                } else {
                        (void) snprintf(text, sizeof(text),
                                        "%s says its etcd cluster, but more than half of the endpoints must",
                                        e->endpoints.items[i].url);
                }
        } else if (root && a->status != 200 && etcd_decode_error(root, &error)) {
                on_error(e, i, &error);
        } else {
                (void) etcd_endpoint_explain(e, i, a, text, sizeof(text));
        }
        e->auth.request = http_request_free(e->auth.request); /* the answer was borrowed from the request */
        json_decref(root);
        if (text[0]) {
                etcd_endpoint_failed(e, i, text);
                unanswered(e, text);
        }
        etcd_state_note(e, ETCD_NEWS_WAKE);
}

/* ---- asking ---- */

/* A server goes on checking a password that nobody waits for any more. Were each attempt as short as the first, a
 * server that needs longer would be given ever more to do, and never answer in time. */
static usec_t time_for_attempt(const Etcd *e) {
        usec_t first = MAX(e->attempt, ATTEMPT_MIN);
        unsigned rounds = MIN(e->auth.failures / (unsigned) e->endpoints.n, 3u);
        usec_t longer = MIN(first << rounds, ATTEMPT_MAX);

        return MAX(first, longer);
}

static int send_password(Etcd *e, char *body) {
        HttpParameters p = {
                .body = body,
                .timeout = time_for_attempt(e),
                .body_max = ETCD_ANSWER_MAX,
        };

        e->auth.endpoint = e->endpoints.current;
        return etcd_send(e, e->auth.endpoint, "/v3/auth/authenticate", &p, ETCD_SEND_NO_TOKEN, on_answer, e,
                        &e->auth.request);
}

bool etcd_auth_is_ready(const Etcd *e) {
        return !e->auth.user || e->auth.token || e->auth.off;
}

EtcdAuthState etcd_auth_get(Etcd *e, usec_t *ret_again_at) {
        EtcdAuth *a = &e->auth;
        char password[PASSWORD_MAX];
        const char *why = NULL;
        char *body;
        int r;

        *ret_again_at = USEC_INFINITY;
        if (etcd_auth_is_ready(e))
                return ETCD_AUTH_READY;
        if (a->request)
                return ETCD_AUTH_WAIT;
        if (now_boottime() < a->again_at) {
                *ret_again_at = a->again_at;
                return a->refused ? ETCD_AUTH_FAILED : ETCD_AUTH_WAIT;
        }
        a->refused = false;
        if (read_password(a->password_file, password, &why) < 0) {
                (void) snprintf(a->error, sizeof(a->error), "PasswordFile=%s: %s", a->password_file, why);
                return ETCD_AUTH_FAILED;
        }
        body = etcd_encode_authenticate(a->user, password);
        explicit_bzero(password, sizeof(password));
        r = body ? send_password(e, body) : -ENOMEM;
        if (body)
                explicit_bzero(body, strlen(body));
        free(body);
        if (r < 0) {
                str_copy(a->error, sizeof(a->error), "out of memory");
                return ETCD_AUTH_FAILED;
        }
        return ETCD_AUTH_WAIT;
}

void etcd_auth_lost(Etcd *e, uint64_t serial) {
        assert(serial <= e->auth.serial);
        if (serial != e->auth.serial)
                return; /* there is a newer one already */
        token_drop(e);
        if (e->auth.off) {
                e->auth.off = false;
                etcd_state_note(e, ETCD_NEWS_WARNINGS);
        }
}
