/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

#include "registry/etcd/base64.h"
#include "registry/etcd/decode.h"
#include "util/time-util.h"

#define PATIENCE (30 * USEC_PER_SEC)

bool server_is_installed(void) {
        return access("/usr/bin/etcd", X_OK) == 0 || access("/usr/local/bin/etcd", X_OK) == 0;
}

unsigned free_port(void) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(a);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        unsigned port = 0;

        if (fd >= 0 && bind(fd, (struct sockaddr *) &a, size) == 0 &&
                        getsockname(fd, (struct sockaddr *) &a, &size) == 0)
                port = ntohs(a.sin_port);
        if (fd >= 0)
                (void) close(fd);
        return port;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

void remove_tree(const char *path) {
        (void) nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void add(Server *s, const char *a, const char *b) {
        s->arguments[s->n_arguments++] = strdup(a);
        if (b)
                s->arguments[s->n_arguments++] = strdup(b);
}

static void add_tls(Server *s, const ServerTls *tls) {
        if (!tls)
                return;
        add(s, "--cert-file", tls->cert_file);
        add(s, "--key-file", tls->key_file);
        if (tls->client_auth) {
                add(s, "--client-cert-auth", NULL);
                add(s, "--trusted-ca-file", tls->ca_file);
        }
}

int servers_create(Server *s, size_t n, const char *token, const ServerTls *tls, const char *const *extra) {
        char cluster[512] = "";

        for (size_t i = 0; i < n; i++) {
                char template[] = "/tmp/leased-etcd.XXXXXX";

                s[i] = (Server){ .client_port = free_port(), .peer_port = free_port() };
                if (!mkdtemp(template))
                        return -errno;
                s[i].dir = strdup(template);
                (void) snprintf(s[i].name, sizeof(s[i].name), "m%zu", i);
                (void) snprintf(s[i].url, sizeof(s[i].url), "%s://127.0.0.1:%u", tls ? "https" : "http",
                                s[i].client_port);
                (void) snprintf(s[i].peer_url, sizeof(s[i].peer_url), "http://127.0.0.1:%u", s[i].peer_port);
                (void) snprintf(cluster + strlen(cluster), sizeof(cluster) - strlen(cluster), "%s%s=%s",
                                i > 0 ? "," : "", s[i].name, s[i].peer_url);
        }
        for (size_t i = 0; i < n; i++) {
                char data[128];

                (void) snprintf(data, sizeof(data), "%s/data", s[i].dir);
                add(&s[i], "etcd", NULL);
                add(&s[i], "--name", s[i].name);
                add(&s[i], "--data-dir", data);
                add(&s[i], "--listen-client-urls", s[i].url);
                add(&s[i], "--advertise-client-urls", s[i].url);
                add(&s[i], "--listen-peer-urls", s[i].peer_url);
                add(&s[i], "--initial-advertise-peer-urls", s[i].peer_url);
                add(&s[i], "--initial-cluster", cluster);
                add(&s[i], "--initial-cluster-token", token);
                add_tls(&s[i], tls);
                for (size_t k = 0; extra && extra[k]; k++)
                        add(&s[i], extra[k], NULL);
        }
        return 0;
}

int server_spawn(Server *s) {
        char log[128];
        pid_t parent = getpid(), pid;

        (void) snprintf(log, sizeof(log), "%s/log", s->dir);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent || fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
                        _exit(126);
                (void) execvp(s->arguments[0], s->arguments);
                _exit(127);
        }
        s->pid = pid;
        return 0;
}

void server_signal(const Server *s, int signal) {
        siginfo_t info;

        if (s->pid <= 0 || kill(s->pid, signal) < 0 || signal != SIGSTOP)
                return;
        /* A thread of it may go on for a moment, and answer. */
        while (waitid(P_PID, (id_t) s->pid, &info, WSTOPPED) < 0 && errno == EINTR)
                ;
}

void server_stop(Server *s, int signal) {
        if (s->pid <= 0)
                return;
        server_signal(s, signal);
        server_signal(s, SIGCONT);
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        s->pid = 0;
}

void server_wipe(Server *s) {
        char data[128];

        (void) snprintf(data, sizeof(data), "%s/data", s->dir);
        remove_tree(data);
}

void servers_destroy(Server *s, size_t n) {
        for (size_t i = 0; i < n; i++) {
                server_stop(&s[i], SIGKILL);
                for (size_t k = 0; k < s[i].n_arguments; k++)
                        free(s[i].arguments[k]);
                if (s[i].dir)
                        remove_tree(s[i].dir);
                free(s[i].dir);
                s[i] = (Server){};
        }
}

typedef struct Body {
        char *data;
        size_t size;
} Body;

static size_t on_data(char *data, size_t one, size_t n, void *userdata) {
        Body *b = userdata;
        char *p = realloc(b->data, b->size + n + 1);

        if (!p)
                return 0;
        memcpy(p + b->size, data, n);
        b->data = p;
        b->size += n;
        p[b->size] = '\0';
        return n;
}

/* The tests' certificates lie beside the test; an administrator does not check them. */
static void use_tls(CURL *easy, const char *url) {
        const char *cert = getenv("TEST_CLIENT_CERT"), *key = getenv("TEST_CLIENT_KEY");

        if (!startswith(url, "https"))
                return;
        (void) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        if (cert && key) {
                (void) curl_easy_setopt(easy, CURLOPT_SSLCERT, cert);
                (void) curl_easy_setopt(easy, CURLOPT_SSLKEY, key);
        }
}

long server_post(const Server *s, const char *path, const char *json, const char *token, char **ret) {
        CURL *easy = curl_easy_init();
        struct curl_slist *headers = NULL;
        char url[128], authorization[256];
        Body body = {};
        long status = 0;

        if (!easy)
                return 0;
        (void) snprintf(url, sizeof(url), "%s%s", s->url, path);
        (void) snprintf(authorization, sizeof(authorization), "Authorization: %s", strempty(token));
        headers = curl_slist_append(headers, "Content-Type: application/json");
        headers = token ? curl_slist_append(headers, authorization) : headers;
        (void) curl_easy_setopt(easy, CURLOPT_URL, url);
        (void) curl_easy_setopt(easy, CURLOPT_PROXY, "");
        (void) curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        (void) curl_easy_setopt(easy, CURLOPT_POSTFIELDS, json);
        (void) curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        (void) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 3000L);
        (void) curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
        (void) curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
        use_tls(easy, url);
        if (curl_easy_perform(easy) == CURLE_OK)
                (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_slist_free_all(headers);
        curl_easy_cleanup(easy);
        if (ret)
                *ret = body.data;
        else
                free(body.data);
        return status;
}

int server_wait(const Server *s) {
        usec_t end = usec_add(now_boottime(), PATIENCE);

        do {
                /* 400: users are on; it answers all the same. */
                long status = server_post(s, "/v3/kv/range", "{\"key\":\"AA==\"}", NULL, NULL);

                if (status == 200 || status == 400)
                        return 0;
                (void) poll(NULL, 0, 20);
        } while (now_boottime() < end);
        return -ETIME;
}

int servers_start(Server *s, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++)
                if (s[i].pid == 0)
                        r = server_spawn(&s[i]);
        for (size_t i = 0; i < n && r == 0; i++)
                r = server_wait(&s[i]);
        return r;
}

bool server_leads(const Server *s) {
        _cleanup_free_ char *body = NULL;
        bool leads = false;
        json_t *root;

        if (server_post(s, "/v3/maintenance/status", "{}", NULL, &body) != 200)
                return false;
        root = etcd_decode_object(body, strlen(body));
        if (root) {
                const char *leader = json_string_value(json_object_get(root, "leader"));
                const char *me = json_string_value(json_object_get(json_object_get(root, "header"), "member_id"));

                leads = leader && me && streq(leader, me);
        }
        json_decref(root);
        return leads;
}

const char *base64_of(const char *text) {
        static char buffers[4][512];
        static unsigned next;
        char *b = buffers[next++ % 4];

        b[base64_encode(text, strlen(text), b)] = '\0';
        return b;
}
