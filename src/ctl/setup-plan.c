/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/setup-plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>

#include "util/text.h"

#define HEAD                                                                                                          \
        "# Written by leasectl setup, which compares it with what it would write.\n"                                  \
        "# Put what differs on this machine into a file of its own.\n"

/* ---- the line ---- */

/* Whether a name of n bytes can be that of a machine. "," and "=" cannot be in it, since they separate the members
 * in etcd's --initial-cluster. */
static bool name_is_valid(const char *name, size_t n) {
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

        return n > 0 && n < SETUP_NAME_SIZE && strspn(name, allowed) >= n && *name != '-' && *name != '.';
}

int setup_machine_parse(const char *word, SetupMachine *ret) {
        size_t n = strcspn(word, "=");
        unsigned char binary[16];

        *ret = (SetupMachine){};
        if (!word[n] || !name_is_valid(word, n)) {
                complain("%s: expected is NAME=ADDRESS, e.g. alpha=10.0.0.1", word);
                return CTL_USAGE;
        }
        ret->ipv6 = strchr(word + n + 1, ':');
        if (inet_pton(ret->ipv6 ? AF_INET6 : AF_INET, word + n + 1, binary) != 1) {
                complain("%s: expected behind \"=\" is an address, e.g. 10.0.0.1 or fd00::1: a name could mean "
                         "another "
                         "machine tomorrow",
                                word);
                return CTL_USAGE;
        }
        memcpy(ret->name, word, n);
        (void) inet_ntop(ret->ipv6 ? AF_INET6 : AF_INET, binary, ret->address, sizeof(ret->address));
        return CTL_OK;
}

static int check_twice(const SetupPlan *p) {
        const SetupMachine *last = p->machines + p->n - 1;

        for (const SetupMachine *m = p->machines; m < last; m++)
                if (streq(m->name, last->name) || streq(m->address, last->address)) {
                        complain("%s=%s and %s=%s: each machine has a name and an address of its own", m->name,
                                        m->address, last->name, last->address);
                        return CTL_USAGE;
                }
        return CTL_OK;
}

static bool is_address(const struct sockaddr *a, const SetupMachine *m) {
        char text[SETUP_ADDRESS_SIZE] = "";

        if (a && a->sa_family == AF_INET && !m->ipv6)
                (void) inet_ntop(AF_INET, &((const struct sockaddr_in *) a)->sin_addr, text, sizeof(text));
        else if (a && a->sa_family == AF_INET6 && m->ipv6)
                (void) inet_ntop(AF_INET6, &((const struct sockaddr_in6 *) a)->sin6_addr, text, sizeof(text));
        return streq(text, m->address);
}

static bool is_here(const struct ifaddrs *interfaces, const SetupMachine *m) {
        for (; interfaces; interfaces = interfaces->ifa_next)
                if (is_address(interfaces->ifa_addr, m))
                        return true;
        return false;
}

static int find_here(SetupPlan *p) {
        struct ifaddrs *interfaces;

        if (getifaddrs(&interfaces) < 0)
                return ctl_fail("cannot read the addresses of this machine: %s", strerror(errno));
        for (const SetupMachine *m = p->machines; m < p->machines + p->n; m++) {
                if (!is_here(interfaces, m))
                        continue;
                if (p->here) {
                        freeifaddrs(interfaces);
                        return ctl_fail("this machine has the addresses of both %s and %s", p->here->name, m->name);
                }
                p->here = m;
        }
        freeifaddrs(interfaces);
        return p->here ? CTL_OK : ctl_fail("this machine has none of these addresses (see: ip address)");
}

int setup_plan_read(int argc, char **argv, SetupPlan *ret) {
        _cleanup_(setup_plan_done) SetupPlan p = { .machines = calloc((size_t) argc, sizeof(SetupMachine)) };
        int code = CTL_OK;

        if (!p.machines)
                return ctl_fail("out of memory");
        for (int i = 0; i < argc && code == CTL_OK; i++) {
                code = setup_machine_parse(argv[i], p.machines + p.n++);
                if (code == CTL_OK)
                        code = check_twice(&p);
        }
        if (code != CTL_OK)
                return code;
        if (p.n == 2) {
                complain("with two machines etcd stops as soon as either of them does: name three, the third may do "
                         "nothing else");
                return CTL_USAGE;
        }
        p.n_members = MIN(p.n, (size_t) SETUP_MEMBERS);
        code = find_here(&p);
        if (code != CTL_OK)
                return code;
        *ret = p;
        p.machines = NULL;
        return CTL_OK;
}

void setup_plan_done(SetupPlan *p) {
        free(p->machines);
        p->machines = NULL;
}

/* ---- what follows from it ---- */

bool setup_is_member(const SetupPlan *p) {
        return p->here < p->machines + p->n_members;
}

char *setup_url(const SetupPlan *p, const SetupMachine *m, unsigned port) {
        return text_format("%s://%s%s%s:%u", p->tls ? "https" : "http", m->ipv6 ? "[" : "", m->address,
                        m->ipv6 ? "]" : "", port);
}

char *setup_endpoints(const SetupPlan *p, const SetupMachine *except, char between) {
        char *text = strdup("");

        for (const SetupMachine *m = p->machines; text && m < p->machines + p->n_members; m++) {
                _cleanup_free_ char *before = NULL, *url = NULL;

                if (m == except)
                        continue;
                before = text;
                url = setup_url(p, m, SETUP_CLIENT_PORT);
                text = url ? text_format("%s%.*s%s", before, *before ? 1 : 0, &between, url) : NULL;
        }
        return text;
}

static char *initial_cluster(const SetupPlan *p) {
        char *text = strdup("");

        for (const SetupMachine *m = p->machines; text && m < p->machines + p->n_members; m++) {
                _cleanup_free_ char *before = text, *url = setup_url(p, m, SETUP_PEER_PORT);

                text = url ? text_format("%s%s%s=%s", before, *before ? "," : "", m->name, url) : NULL;
        }
        return text;
}

/* The lines for TLS. PID 1 hands the credentials to etcd (setup-tls.c). */
static const char tls_lines[] = "ETCD_CERT_FILE=/run/credentials/" SETUP_ETCD_SERVICE "/machine.crt\n"
                                "ETCD_KEY_FILE=/run/credentials/" SETUP_ETCD_SERVICE "/machine.key\n"
                                "ETCD_TRUSTED_CA_FILE=/run/credentials/" SETUP_ETCD_SERVICE "/ca.crt\n"
                                "ETCD_CLIENT_CERT_AUTH=true\n"
                                "ETCD_PEER_CERT_FILE=/run/credentials/" SETUP_ETCD_SERVICE "/machine.crt\n"
                                "ETCD_PEER_KEY_FILE=/run/credentials/" SETUP_ETCD_SERVICE "/machine.key\n"
                                "ETCD_PEER_TRUSTED_CA_FILE=/run/credentials/" SETUP_ETCD_SERVICE "/ca.crt\n"
                                "ETCD_PEER_CLIENT_CERT_AUTH=true\n";

/* Elections: docs/operations.md, "When etcd loses its leader". */
char *setup_etcd_text(const SetupPlan *p) {
        _cleanup_free_ char *client = setup_url(p, p->here, SETUP_CLIENT_PORT);
        _cleanup_free_ char *peer = setup_url(p, p->here, SETUP_PEER_PORT), *cluster = initial_cluster(p);

        if (!client || !peer || !cluster)
                return NULL;
        return text_format(HEAD "ETCD_NAME=%s\n"
                                "ETCD_DATA_DIR=" SETUP_ETCD_DATA "\n"
                                "ETCD_LISTEN_CLIENT_URLS=%s\n"
                                "ETCD_ADVERTISE_CLIENT_URLS=%s\n"
                                "ETCD_LISTEN_PEER_URLS=%s\n"
                                "ETCD_INITIAL_ADVERTISE_PEER_URLS=%s\n"
                                "ETCD_INITIAL_CLUSTER=%s\n"
                                "ETCD_INITIAL_CLUSTER_TOKEN=leased\n"
                                "ETCD_INITIAL_CLUSTER_STATE=%s\n"
                                "ETCD_PRE_VOTE=true\n"
                                "ETCD_HEARTBEAT_INTERVAL=50\n"
                                "ETCD_ELECTION_TIMEOUT=500\n"
                                "%s",
                        p->here->name, client, client, peer, peer, cluster, p->joining ? "existing" : "new",
                        p->tls ? tls_lines : "");
}

char *setup_conf_text(const SetupPlan *p) {
        _cleanup_free_ char *endpoints = setup_endpoints(p, NULL, ' ');

        if (!endpoints)
                return NULL;
        return text_format(HEAD "[Leased]\n"
                                "Registry=etcd\n"
                                "Endpoints=%s\n"
                                "%s",
                        endpoints,
                        p->tls ? "CAFile=" SETUP_TLS_DIRECTORY "/ca.crt\n"
                                 "CertFile=" SETUP_TLS_DIRECTORY "/machine.crt\n"
                                 "KeyFile=" SETUP_TLS_DIRECTORY "/machine.key\n"
                               : "");
}
