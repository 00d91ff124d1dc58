/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What etcd's errors and versions mean to us. A request counts as not carried out only where etcd's source leaves no
 * doubt: the check comes before the proposal, or before the operation is applied. All else is unclear. That goes for
 * "database space exceeded", too: a member that notices it while applying a Txn has applied it when it says so.
 */

#include <errno.h>
#include <stdio.h>

#include "registry/etcd/json.h"

static bool is(const EtcdError *e, const char *text) {
        return strstr(e->message, text);
}

bool etcd_is_leaderless(const EtcdError *e) {
        return e->code == ETCD_CODE_UNAVAILABLE && streq(e->message, "etcdserver: no leader");
}

bool etcd_is_leader_change(const EtcdError *e) {
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
                /* Said before anything is proposed: the header "hasleader" asks for that. */
                return etcd_is_leaderless(e) ? ETCD_VERDICT_ELSEWHERE : ETCD_VERDICT_UNCLEAR;
        default:
                return ETCD_VERDICT_UNCLEAR;
        }
}

static bool parse_version(const char *version, unsigned v[static 3]) {
        return sscanf(version, "%3u.%5u.%5u", &v[0], &v[1], &v[2]) == 3;
}

bool etcd_version_is_supported(const char *version) {
        unsigned v[3];

        return !parse_version(version, v) || v[0] > 3 || (v[0] == 3 && v[1] >= 4);
}

const char *etcd_version_warning(const char *version) {
        static const struct { unsigned minor, fixed; } fixes[] = { { 4, 42 }, { 5, 28 }, { 6, 9 } };
        unsigned v[3];

        if (!parse_version(version, v) || v[0] != 3)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(fixes); i++)
                if (v[1] == fixes[i].minor && v[2] < fixes[i].fixed)
                        return "this version can answer reads from the past after a pause or a change of leader; "
                               "fixed in 3.4.42, 3.5.28 and 3.6.9";
        return NULL;
}
