/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A request counts as not carried out only where etcd's source leaves no doubt: the check comes before the proposal,
 * or before the operation is applied. All else is unclear. "database space exceeded" is unclear, too: a member that
 * notices the lack of space while applying a Txn has applied the Txn when it says so.
 */

#include "registry/etcd/judge.h"

static bool is(const EtcdError *e, const char *text) {
        return strstr(e->message, text);
}

bool etcd_judge_leaderless(const EtcdError *e) {
        return e->code == ETCD_CODE_UNAVAILABLE && streq(e->message, "etcdserver: no leader");
}

bool etcd_judge_leader_change(const EtcdError *e) {
        return e->code == ETCD_CODE_UNAVAILABLE && streq(e->message, "etcdserver: leader changed");
}

EtcdVerdict etcd_judge(const EtcdError *e) {
        switch (e->code) {
        case ETCD_CODE_UNAUTHENTICATED:
                return ETCD_VERDICT_TOKEN;
        case ETCD_CODE_INVALID:
                /* No token with authentication on, and a token from before the users were changed. */
                if (is(e, "user name is empty") || is(e, "revision of auth store is old"))
                        return ETCD_VERDICT_TOKEN;
                return ETCD_VERDICT_FINAL;
        case ETCD_CODE_DENIED:
        case ETCD_CODE_PRECONDITION:
        case ETCD_CODE_OUT_OF_RANGE:
                return ETCD_VERDICT_FINAL;
        case ETCD_CODE_UNAVAILABLE:
                /* A member says this before anything is proposed: the header line "hasleader" asks for that. */
                return etcd_judge_leaderless(e) ? ETCD_VERDICT_ELSEWHERE : ETCD_VERDICT_UNCLEAR;
        default:
                return ETCD_VERDICT_UNCLEAR;
        }
}
