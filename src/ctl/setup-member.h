/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/setup-plan.h"

/*
 * Asks for and changes the members of an etcd that exists already, with etcdctl. Functions print what is wrong and
 * return an exit code, unless their comment says otherwise.
 */

typedef enum Membership {
        MEMBERSHIP_NONE_ANSWERS, /* no other member answers: the cluster is to begin, or is down */
        MEMBERSHIP_STRANGER,     /* the cluster does not know this machine */
        MEMBERSHIP_AWAITED,      /* this machine has been added, and has not started yet */
        MEMBERSHIP_STARTED,      /* this machine has been a member already */
} Membership;

/* Gives what the other members say of this machine. Prints nothing but that etcdctl is missing. If no other member
 * answers, that is an answer, too (CTL_OK). */
int setup_member_ask(const SetupPlan *p, Membership *ret);

/* setup_member_add() adds the machine in word ("NAME=ADDRESS") to the members; the machine becomes one when it is
 * set up. setup_member_remove() removes a member, by its name. Both reach etcd by the leased.conf of this machine. */
int setup_member_add(Ctl *ctl, const char *word);
int setup_member_remove(Ctl *ctl, const char *name);
/* Removes this machine from the members and adds it again, as a member that has lost its data. */
int setup_member_replace(const SetupPlan *p);
