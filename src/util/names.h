/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names by which the programs of the project find each other and PID 1: files, units, and names, paths and interfaces
 * on the system bus.
 */

/* The directory that has a file for each open gate, named as the unit. Only the guard creates and removes these files
 * (law 10). */
#define GATE_DIRECTORY "/run/leased/held"

#define DAEMON_SERVICE "leased.service"
#define GUARD_SERVICE "leased-guard.service"
/* One for each unit that was frozen (law 15). The instance is the unit's name. */
#define FROZEN_SERVICE "leased-frozen@%s.service"
/* Started to stop a unit that PID 1 refuses to stop (RefuseManualStop=): what PID 1 stops because of a conflict it
 * does not refuse to stop. The instance is the unit's name. */
#define STOP_TARGET_PREFIX "leased-stop@"
#define STOP_TARGET STOP_TARGET_PREFIX "%s.target"
/* How long the name of a unit can be, so that the names of both of these units are no longer than a unit's name. */
#define LEASED_UNIT_NAME_LENGTH (255 - (sizeof(FROZEN_SERVICE) - sizeof("%s")))

/* How the name of the transient unit of a "leasectl run" begins. */
#define RUN_UNIT_PREFIX "leased-run-"

#define LEASED_NAME "org.leased1"
#define LEASED_PATH "/org/leased1"
#define LEASED_LEASE_PATH LEASED_PATH "/lease"
#define LEASED_UNIT_PATH LEASED_PATH "/unit"
#define LEASED_MANAGER LEASED_NAME ".Manager"
#define LEASED_LEASE LEASED_NAME ".Lease"
#define LEASED_UNIT LEASED_NAME ".Unit"
#define LEASED_ERROR(name) LEASED_NAME ".Error." name

#define PID1_NAME "org.freedesktop.systemd1"
#define PID1_PATH "/org/freedesktop/systemd1"
#define PID1_UNIT_PATH PID1_PATH "/unit"
#define PID1_MANAGER PID1_NAME ".Manager"
#define PID1_UNIT PID1_NAME ".Unit"
#define PID1_SERVICE PID1_NAME ".Service"
#define PID1_ERROR(name) PID1_NAME "." name

#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"
#define DBUS_PROPERTIES DBUS_NAME ".Properties"
