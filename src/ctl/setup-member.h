/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/setup-plan.h"

/*
 * The members of an etcd that is there, asked and changed with etcdctl. Functions print what is wrong and return an
 * exit code, unless it is said otherwise.
 */

typedef enum Membership {
        MEMBERSHIP_NONE_ANSWERS, /* no other member answers: the cluster is to begin, or is down */
        MEMBERSHIP_STRANGER,     /* the cluster does not know this machine */
        MEMBERSHIP_AWAITED,      /* it has been added, and has not started yet */
        MEMBERSHIP_STARTED,      /* it has been a member already */
} Membership;

/* What the other members say of this machine. Prints nothing but that etcdctl is missing. */
int setup_member_ask(const SetupPlan *p, Membership *ret);

/* Adds a machine, which then becomes a member when it is set up; or removes one, by its name. p: from whose members,
 * or, with no machine in it, from this machine's leased.conf. */
int setup_member_add(Ctl *ctl, const char *word);
int setup_member_remove(Ctl *ctl, const char *name);
/* Removes this machine from the members and adds it again, as one that has lost its data. */
int setup_member_replace(const SetupPlan *p);
