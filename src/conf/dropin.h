/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The gate: the drop-in that makes PID 1 refuse to start a leased unit without its lease (docs/safety.md).
 * Written by leasectl enable, removed by leasectl disable after stop and release, written again by the daemon if
 * somebody deleted it.
 */

#include "util/macros.h"

#define GATE_DROPIN_NAME "zzzz-leased.conf"
#define GATE_DIRECTORY "/run/leased/held"
#define ENV_DIRECTORY "/run/leased/env"
/* The instance that is asked about to see what PID 1 has loaded for all instances of a template. It is never started.
 */
#define GATE_PROBE "leased-gate"

/* ".../UNIT.d/zzzz-leased.conf" below root/etc/systemd/system, owned by the caller. */
char *dropin_path(const char *root, const char *unit);
/* Its text: "%" doubled everywhere, "\" and glob characters escaped in EnvironmentFile= (which PID 1 globs; only
 * services get it). Owned by the caller. */
char *dropin_text(const char *unit);
/* The path of the unit's gate and of its environment file, owned by the caller. */
char *gate_path(const char *unit);
char *env_path(const char *unit);
/* Writes it (with its directory, synced) unless it is there word for word; 1 if it was written, 0 if it was there. */
int dropin_write(const char *root, const char *unit);
/* Writes all of ours anew, of units and of members, whose text is another than this version's. Returns how many it
 * wrote. */
int dropins_renew(const char *root);
/* Of the unit or of a member. */
int dropin_remove(const char *root, const char *unit);

/*
 * Members: the other units that a lease covers, because its unit starts them (a timer, a socket, a path) or because
 * they are bound to it (a target). Each has the same drop-in with the gate and the environment of the leased unit. A
 * member may be a template ("foo@.service"), which stands for all its instances.
 */
char *dropin_member_text(const char *member, const char *unit);
int dropin_member_write(const char *root, const char *member, const char *unit);
/* Whose gate stands in the drop-in of a unit or template: itself or, of a member, the leased unit. Owned by the
 * caller; NULL: there is none, or it is not ours. */
char *dropin_owner(const char *root, const char *member);
/* Which members of a unit have a drop-in, sorted; freed by strv_free(). */
int dropin_members_list(const char *root, const char *unit, char ***ret);
