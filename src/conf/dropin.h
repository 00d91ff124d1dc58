/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The gate: the drop-in that makes PID 1 refuse to start a leased unit without its lease (docs/laws.md). "leasectl
 * enable" writes the drop-in, "leasectl disable" removes it after stop and release, and the daemon writes it again if
 * somebody has deleted it.
 *
 * Members are the other units that a lease covers: units that the leased unit starts (as a timer, a socket or a path
 * does), or that are bound to it (as to a target). Each member has a drop-in of its own, with the gate and the
 * environment of the leased unit. A member may be a template ("foo@.service"), which stands for all its instances. In
 * this file, unit is the leased unit, and member is a member of it or the unit itself.
 *
 * The argument root is "" or a directory for tests. Functions return a negative errno on failure, or NULL if memory is
 * short.
 */

#include "util/file-util.h"
#include "util/macros.h"
#include "util/names.h"

#define GATE_DROPIN_NAME "zzzz-leased.conf"
#define ENV_DIRECTORY "/run/leased/env"
/* An instance of a template that is never started. PID 1 is asked about it to learn what is loaded for all
 * instances. */
#define GATE_PROBE "leased-gate"

/* Give the path of the unit's gate, and that of its environment file. Owned by the caller. */
char *gate_path(const char *unit);
char *env_path(const char *unit);
/* Gives the path of the unit's environment file as PID 1 names it in EnvironmentFiles=, a pattern of glob(7). Owned by
 * the caller. */
char *env_pattern(const char *unit);
/* Gives the path root/etc/systemd/system/MEMBER.d/zzzz-leased.conf. Owned by the caller. */
char *dropin_path(const char *root, const char *member);

/* Gives the text of the drop-in. In its paths "%" is doubled. Only services get EnvironmentFile=, whose value PID 1
 * globs; there "\" and the characters of glob(7) are escaped as well. Owned by the caller. */
char *dropin_member_text(const char *member, const char *unit);
/* Writes the drop-in and its directory, unless the drop-in is there word for word. Returns 1 if it was written, 0
 * if it was there. */
int dropin_member_write(const char *root, const char *member, const char *unit, WriteFlags flags);
/* Does the same, and syncs, while `leasectl disable` may be at work, without leaving a drop-in that this has removed.
 * 0 also then. */
int dropin_member_mend(const char *root, const char *member, const char *unit);
/* Removes the drop-in, and its directory if that is then empty. Returns 0 also if there was no drop-in. */
int dropin_remove(const char *root, const char *member);

/* Gives the leased unit whose gate stands in the drop-in of a unit or template. Owned by the caller. NULL if there
 * is no drop-in, if it is not one of leased, or if memory is short. */
char *dropin_owner(const char *root, const char *member);

/* Which member goes by the lease of which unit, as the drop-ins say it. */
typedef struct DropinMember {
        char *unit, *member;
} DropinMember;

typedef struct DropinMembers {
        DropinMember *list; /* sorted, once all are read */
        size_t n;
        char **names; /* the units whose drop-ins are to be read */
        size_t next;  /* the first of them whose drop-in was not read yet */
} DropinMembers;

/* Reads the drop-ins of all members. The drop-in of a unit in root/etc/leased/units is not even opened: such a unit
 * has a lease of its own, and is no member. *ret is freed by dropin_members_done(), and untouched on failure. */
int dropin_members_read(const char *root, DropinMembers *ret);
/* The same in parts: dropin_members_begin() lists the units that have drop-ins, and each dropin_members_next() reads
 * that of one unit. 1: there are more; 0: all are read; or a negative errno, and *m is empty. */
int dropin_members_begin(const char *root, DropinMembers *m);
int dropin_members_next(const char *root, DropinMembers *m);
void dropin_members_done(DropinMembers *m);
/* Gives the members of one unit that have a drop-in, sorted. *ret is freed by strv_free(), and NULL if there are
 * none. */
int dropin_members_of(const DropinMembers *m, const char *unit, char ***ret);
/* Does the same for a caller who has not read the drop-ins of all members. */
int dropin_members_list(const char *root, const char *unit, char ***ret);
/* Gives the units that have a gate of their own, also those that are no longer enabled, sorted. *ret is freed by
 * strv_free(), and NULL if there are none. */
int dropin_units_list(const char *root, char ***ret);
/* Writes every drop-in anew whose text differs from that which this version would write. Returns how many were
 * written. */
int dropins_renew(const char *root);
