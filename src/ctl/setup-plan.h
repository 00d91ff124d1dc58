/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * The meaning of "leasectl setup alpha=10.0.0.1 beta=10.0.0.2 gamma=10.0.0.3": which machines take part, which of them
 * are members of etcd, which one this machine is, and what is written into the files. The same line is given on each
 * machine, so everything follows from the line and from the addresses of this machine.
 */

#define SETUP_ETCD_SERVICE "leased-etcd.service"
#define SETUP_ETCD_FILE "/etc/leased/etcd.env"
#define SETUP_CONF_FILE "/etc/leased/leased.conf.d/20-setup.conf"
/* The data of etcd. This is a link into /var/lib/private, since the service has a user of its own only while it
 * runs. */
#define SETUP_ETCD_DATA "/var/lib/leased-etcd"
#define SETUP_ETCD_PRIVATE "/var/lib/private/leased-etcd"
#define SETUP_TLS_DIRECTORY "/etc/leased/tls"

enum {
        SETUP_NAME_SIZE = 65,
        SETUP_ADDRESS_SIZE = 46, /* INET6_ADDRSTRLEN */
        SETUP_MEMBERS = 3,       /* if there are more machines, the others are clients */
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
        size_t n, n_members; /* the first n_members machines are the members */
        const SetupMachine *here;
        bool tls;
        bool joining; /* this machine becomes a member of an etcd that is there */
        bool lost;    /* it is a member without its data, which is to be removed and added again */
} SetupPlan;

/* Reads a word NAME=ADDRESS. Prints what is wrong and returns an exit code. */
int setup_machine_parse(const char *word, SetupMachine *ret);
/* Reads the words of the line, and finds this machine among them by its addresses. *ret is freed by
 * setup_plan_done(), and untouched on failure. Prints what is wrong and returns an exit code. */
int setup_plan_read(int argc, char **argv, SetupPlan *ret);
/* Frees what p holds; for _cleanup_. */
void setup_plan_done(SetupPlan *p);

/* Whether this machine is a member of etcd. */
bool setup_is_member(const SetupPlan *p);
/* Gives the URL of a machine, "http://10.0.0.1:2379", or https with --tls. Owned by the caller, as are the texts
 * below; NULL if memory is short. */
char *setup_url(const SetupPlan *p, const SetupMachine *m, unsigned port);
/* Gives the URLs for clients of all members but except, which may be NULL, with the character between in between.
 */
char *setup_endpoints(const SetupPlan *p, const SetupMachine *except, char between);
/* Gives the text of SETUP_ETCD_FILE, the environment of etcd on this machine. */
char *setup_etcd_text(const SetupPlan *p);
/* Gives the text of SETUP_CONF_FILE, the drop-in of leased.conf. */
char *setup_conf_text(const SetupPlan *p);
