/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine's control groups are fit for, on file systems that this program puts in the place of its own. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/cgroup.h"
#include "util/file-util.h"

#define CONTROLLERS CGROUP_ROOT "/cgroup.controllers"
#define SCOPE CGROUP_ROOT "/init.scope"

static void put(const char *path, const char *text) {
        assert_true(write_file_atomic(path, text, strlen(text), 0644, 0) >= 0);
}

static int set_up(void **state) {
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
                        mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, NULL) < 0 ||
                        mount("tmpfs", "/proc", "tmpfs", 0, NULL) < 0)
                return 0; /* not root: skipped below */
        *state = (void *) CONTROLLERS;
        assert_int_equal(mkdir("/proc/1", 0755), 0);
        assert_int_equal(mkdir(SCOPE, 0755), 0);
        put(CONTROLLERS, "cpu memory pids\n");
        put(SCOPE "/cgroup.kill", "");
        return 0;
}

/* What looks for leaks at the end reads /proc. */
static int tear_down(void **state) {
        return *state ? umount2("/proc", MNT_DETACH) : 0;
}

static void each_reason_is_told_from_the_others(void **state) {
        if (!*state)
                skip();
        put("/proc/1/cgroup", "0::/init.scope\n");
        assert_int_equal(cgroup_unfit(), 0);
        assert_int_equal(mount("none", CGROUP_ROOT, "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
        assert_int_equal(cgroup_unfit(), CGROUPS_READ_ONLY);
        assert_int_equal(mount("none", CGROUP_ROOT, "none", MS_REMOUNT | MS_BIND, NULL), 0);
        put("/proc/1/cgroup", "0::/machine.slice/box/init.scope\n");
        assert_int_equal(cgroup_unfit(), CGROUPS_NOT_OURS);
        put("/proc/1/cgroup", "1:name=systemd:/init.scope\n");
        assert_int_equal(cgroup_unfit(), CGROUPS_NOT_UNIFIED);
        put("/proc/1/cgroup", "0::/init.scope\n");
        assert_int_equal(unlink(SCOPE "/cgroup.kill"), 0);
        assert_int_equal(cgroup_unfit(), CGROUPS_CANNOT_BE_KILLED);
        assert_int_equal(unlink("/proc/1/cgroup"), 0);
        assert_int_equal(cgroup_unfit(), CGROUPS_UNREADABLE);
        put("/proc/1/cgroup", "0::\n");
        assert_int_equal(cgroup_unfit(), CGROUPS_UNREADABLE);
        assert_int_equal(unlink(CONTROLLERS), 0);
        assert_int_equal(cgroup_unfit(), CGROUPS_NOT_UNIFIED);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(each_reason_is_told_from_the_others) };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
