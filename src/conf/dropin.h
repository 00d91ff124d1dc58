/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The gate: the drop-in that makes PID 1 refuse to start a leased unit without its lease (docs/safety.md). `leasectl
 * enable` writes it, `leasectl disable` removes it after stop and release, and the daemon writes it again if somebody
 * deleted it.
 *
 * Members are the other units that a lease covers, because its unit starts them (a timer, a socket, a path) or because
 * they are bound to it (a target). Each has a drop-in of its own, with the gate and the environment of the leased
 * unit. A member may be a template ("foo@.service"), which stands for all its instances. Below, the leased unit is
 * called unit, and member is a member of it or the unit itself.
 *
 * root is "" or a directory (tests). Functions return a negative errno on failure, or NULL when out of memory.
 */

#include "util/file-util.h"
#include "util/macros.h"
#include "util/names.h"

#define GATE_DROPIN_NAME "zzzz-leased.conf"
#define ENV_DIRECTORY "/run/leased/env"
/* The instance that is asked about to see what PID 1 has loaded for all instances of a template. It is never started.
 */
#define GATE_PROBE "leased-gate"

/* The path of the unit's gate, and of its environment file. Owned by the caller. */
char *gate_path(const char *unit);
char *env_path(const char *unit);
/* root/etc/systemd/system/MEMBER.d/zzzz-leased.conf. Owned by the caller. */
char *dropin_path(const char *root, const char *member);

/* The text of the drop-in. "%" is doubled; in EnvironmentFile=, which only services get and PID 1 globs, "\" and the
 * characters of glob(7) are escaped as well. Owned by the caller. */
char *dropin_member_text(const char *member, const char *unit);
/* Writes the drop-in and its directory, unless it is there word for word. 1: it was written; 0: it was there. */
int dropin_member_write(const char *root, const char *member, const char *unit, WriteFlags flags);
/* Removes the drop-in, and its directory if that is empty then. 0 also if there was none. */
int dropin_remove(const char *root, const char *member);

/* The leased unit whose gate stands in the drop-in of a unit or template; NULL also if there is no drop-in, or it is
 * not leased's. Owned by the caller. */
char *dropin_owner(const char *root, const char *member);

/* Who goes by whose lease, as the drop-ins say it. */
typedef struct DropinMember {
        char *unit, *member;
} DropinMember;

typedef struct DropinMembers {
        DropinMember *list; /* sorted */
        size_t n;
} DropinMembers;

/* Reads the drop-ins of all members. Those of the units in root/etc/leased/units are not even opened: such a unit has
 * a lease of its own, and is no member. *ret is freed by dropin_members_done(). */
int dropin_members_read(const char *root, DropinMembers *ret);
void dropin_members_done(DropinMembers *m);
/* The members of one unit that have a drop-in; sorted, freed by strv_free(). */
int dropin_members_of(const DropinMembers *m, const char *unit, char ***ret);
/* The same for a caller who wants those of one unit only. */
int dropin_members_list(const char *root, const char *unit, char ***ret);
/* The units that have a gate of their own, also those that are not enabled any more; sorted, freed by strv_free(). */
int dropin_units_list(const char *root, char ***ret);
/* Writes every drop-in anew whose text differs from what this version would write. Returns how many it wrote. */
int dropins_renew(const char *root);
