/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What etcd's errors say about the request that they answer: pure. */

#include "registry/etcd/decode.h"

/* What an error says about a request whose body etcd has had. */
typedef enum EtcdVerdict {
        ETCD_VERDICT_UNCLEAR,   /* it may have been carried out, or may be yet */
        ETCD_VERDICT_ELSEWHERE, /* not carried out; another member may do it */
        ETCD_VERDICT_TOKEN,     /* not carried out: the token is missing, old or lost */
        ETCD_VERDICT_FINAL,     /* not carried out, and no member will */
} EtcdVerdict;

/* The verdict on an error. Whatever is not known for certain is UNCLEAR. */
EtcdVerdict etcd_judge(const EtcdError *e);

/* Whether the error says that the member has no leader. */
bool etcd_judge_leaderless(const EtcdError *e);

/* Whether the error says that the member has got a leader since the request came in. */
bool etcd_judge_leader_change(const EtcdError *e);
