/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/run-unit.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/random.h>

#include "conf/dropin.h"
#include "core/record.h"
#include "daemon/bus-util.h"
#include "guard/protocol.h"
#include "util/file-util.h"

/* No more than leased-run needs to take on the ids of a caller who is not root. */
#define CAPABILITIES_OF_OTHERS (UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID)

/* ---- one run ---- */

RunUnit *run_unit_new(const char *lease, unsigned slots, int socket, uint32_t uid, uint32_t gid, const char *groups) {
        RunUnit *r = calloc(1, sizeof(RunUnit));

        if (!r) {
                closep(&socket);
                return NULL;
        }
        *r = (RunUnit){ .lease = strdup(lease), .slots = slots, .uid = uid, .gid = gid, .socket = socket };
        r->groups = strdup(strempty(groups));
        return r->lease && r->groups ? r : run_unit_free(r);
}

RunUnit *run_unit_free(RunUnit *r) {
        if (!r)
                return NULL;
        closep(&r->socket);
        free(r->lease);
        free(r->groups);
        free(r);
        return NULL;
}

int run_unit_name(const char *lease, char ret[static RUN_UNIT_NAME_SIZE]) {
        enum { LEASE_SHOWN = 120 };
        char shown[LEASE_SHOWN + 1];
        uint32_t random;
        size_t n = 0;

        for (; lease[n] && n < LEASE_SHOWN; n++)
                shown[n] = isalnum((unsigned char) lease[n]) || strchr(":_.-", lease[n]) ? lease[n] : '_';
        shown[n] = '\0';
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return -EIO;
        (void) snprintf(ret, RUN_UNIT_NAME_SIZE, RUN_UNIT_PREFIX "%s-%09" PRIx64 "%08" PRIx32 ".service", shown,
                        now_boottime() / USEC_PER_MSEC & UINT64_C(0xfffffffff), random);
        return 0;
}

/* ---- for PID 1 ---- */

/* The gate and the guard that every leased unit has (conf/dropin.c). */
static int append_gate(sd_bus_message *m, const char *unit) {
        _cleanup_free_ char *gate = gate_path(unit), *env = env_path(unit);
        int r;

        if (!gate || !env)
                return -ENOMEM;
        if ((r = sd_bus_message_append(m, "(sv)", "Asserts", "a(sbbs)", 1, "AssertPathExists", 0, 0, gate)) < 0 ||
                        (r = sd_bus_message_append(m, "(sv)", "BindsTo", "as", 1, GUARD_SERVICE)) < 0 ||
                        (r = sd_bus_message_append(m, "(sv)", "After", "as", 1, GUARD_SERVICE)) < 0)
                return r;
        return sd_bus_message_append(m, "(sv)(sv)", "IgnoreOnIsolate", "b", 1, "EnvironmentFiles", "a(sb)", 1, env, 0);
}

/* The command is limited as the caller is, and has no way to more rights. */
static int append_caller(sd_bus_message *m, const RunUnit *run) {
        char uid[16], gid[16], slice[40];
        int r;

        if (run->uid == 0)
                return sd_bus_message_append(m, "(sv)", "ExecStart", "a(sasb)", 1, LEASED_RUN, 1, LEASED_RUN, 0);
        (void) snprintf(uid, sizeof(uid), "%" PRIu32, run->uid);
        (void) snprintf(gid, sizeof(gid), "%" PRIu32, run->gid);
        (void) snprintf(slice, sizeof(slice), "user-%" PRIu32 ".slice", run->uid);
        r = sd_bus_message_append(
                        m, "(sv)", "ExecStart", "a(sasb)", 1, LEASED_RUN, 4, LEASED_RUN, uid, gid, run->groups, 0);
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)", "Slice", "s", slice, "NoNewPrivileges", "b", 1,
                                "CapabilityBoundingSet", "t", CAPABILITIES_OF_OTHERS);
        return r;
}

static int append_properties(sd_bus_message *m, const char *unit, const RunUnit *run) {
        int r;

        if ((r = bus_append_description(m, "leasectl run %s", run->lease)) < 0 ||
                        (r = sd_bus_message_append(m, "(sv)", "Type", "s", "exec")) < 0 ||
                        (r = append_gate(m, unit)) < 0 || (r = append_caller(m, run)) < 0)
                return r;
        /* PID 1 would keep a unit that has failed, and forget one that has ended well before this daemon has looked at
         * it. */
        r = sd_bus_message_append(m, "(sv)(sv)(sv)", "CollectMode", "s", "inactive-or-failed", "AddRef", "b", 1,
                        "TimeoutStopUSec", "t", (uint64_t) RUN_UNIT_STOP);
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)", "StandardInputFileDescriptor", "h", run->socket,
                                "StandardOutput", "s", "journal", "StandardError", "s", "journal");
        return r;
}

int run_unit_append(sd_bus_message *m, const char *unit, void *userdata) {
        const RunUnit *run = userdata;
        int r;

        if ((r = sd_bus_message_append(m, "ss", unit, "fail")) < 0 ||
                        (r = sd_bus_message_open_container(m, 'a', "(sv)")) < 0 ||
                        (r = append_properties(m, unit, run)) < 0 || (r = sd_bus_message_close_container(m)) < 0)
                return r;
        return sd_bus_message_append(m, "a(sa(sv))", 0);
}

/* ---- for the next daemon ---- */

static char *kept_path(const char *unit) {
        char *path;

        return asprintf(&path, RUNS_DIRECTORY "/%s", unit) < 0 ? NULL : path;
}

int run_unit_keep(const char *unit, const char *lease) {
        _cleanup_free_ char *path = kept_path(unit);
        int r = path ? mkdir_parents(RUNS_DIRECTORY, 0755) : -ENOMEM;

        return r < 0 ? r : write_file_atomic(path, lease, strlen(lease), 0644, 0);
}

void run_unit_forget(const char *unit) {
        _cleanup_free_ char *path = kept_path(unit);

        if (path)
                (void) unlink_if_exists(path);
}

/* Also removes a file that is not of a run, such as one that somebody wrote by hand. */
void run_unit_each_kept(void (*f)(const char *unit, const char *lease, void *userdata), void *userdata) {
        DIR *directory = opendir(RUNS_DIRECTORY);
        struct dirent *e;

        while (directory && (e = readdir(directory))) {
                _cleanup_free_ char *path = e->d_name[0] == '.' ? NULL : kept_path(e->d_name), *lease = NULL;

                if (!path)
                        continue;
                if (startswith(e->d_name, RUN_UNIT_PREFIX) && endswith(e->d_name, ".service") &&
                                guard_unit_is_valid(e->d_name) && read_file(path, NAME_SIZE, &lease, NULL) >= 0 &&
                                lease_name_is_valid(lease))
                        f(e->d_name, lease, userdata);
                else
                        (void) unlink_if_exists(path);
        }
        if (directory)
                (void) closedir(directory);
}
