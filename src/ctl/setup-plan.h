/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What "leasectl setup alpha=10.0.0.1 beta=10.0.0.2 gamma=10.0.0.3" means: which machines take part, which of them are
 * members of etcd, which one this machine is, and what the files say. The same line is given on each machine, so all
 * of it follows from the line and from the addresses of this machine.
 */

#define SETUP_ETCD_SERVICE "leased-etcd.service"
#define SETUP_ETCD_FILE "/etc/leased/etcd.env"
#define SETUP_CONF_FILE "/etc/leased/leased.conf.d/20-setup.conf"
/* Its data, which is a link into /var/lib/private: the service has a user of its own while it runs. */
#define SETUP_ETCD_DATA "/var/lib/leased-etcd"
#define SETUP_TLS_DIRECTORY "/etc/leased/tls"

enum {
        SETUP_NAME_SIZE = 65,
        SETUP_ADDRESS_SIZE = 46, /* INET6_ADDRSTRLEN */
        SETUP_MEMBERS = 3,       /* of more machines, the others are clients */
        SETUP_CLIENT_PORT = 2379,
        SETUP_PEER_PORT = 2380,
};

typedef struct SetupMachine {
        char name[SETUP_NAME_SIZE];
        char address[SETUP_ADDRESS_SIZE];
        bool ipv6;
} SetupMachine;

typedef struct SetupPlan {
        SetupMachine *machines;
        size_t n, n_members; /* the first ones are the members */
        const SetupMachine *here;
        bool tls;
        bool joining; /* this machine becomes a member of an etcd that is there */
} SetupPlan;

/* Reads NAME=ADDRESS. Prints what is wrong and returns an exit code. */
int setup_machine_parse(const char *word, SetupMachine *ret);
/* Reads the line, and finds this machine in it. Prints what is wrong and returns an exit code. */
int setup_plan_read(int argc, char **argv, SetupPlan *ret);
/* Frees what p holds; for _cleanup_. */
void setup_plan_done(SetupPlan *p);

/* Whether this machine is a member of etcd. */
bool setup_is_member(const SetupPlan *p);
/* "http://10.0.0.1:2379". Owned by the caller, as are the texts below; NULL: out of memory. */
char *setup_url(const SetupPlan *p, const SetupMachine *m, unsigned port);
/* The clients' URLs of all members but except, which may be NULL, with that between two. */
char *setup_endpoints(const SetupPlan *p, const SetupMachine *except, char between);
/* The environment of this machine's member. */
char *setup_etcd_text(const SetupPlan *p);
/* The drop-in of leased.conf. */
char *setup_conf_text(const SetupPlan *p);
