/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/dropin.h"

#include "conf-fixture.h"

static char *text_of(const char *unit) {
        return dropin_member_text(unit, unit);
}

static int write_of(const char *root, const char *unit) {
        return dropin_member_write(root, unit, unit, 0);
}

static void a_service_gets_gate_binding_and_environment(void **state) {
        _cleanup_free_ char *text = text_of("foo.service");

        assert_non_null(strstr(text, "[Unit]\n"
                                     "AssertPathExists=/run/leased/held/foo.service\n"
                                     "BindsTo=leased-guard.service\n"
                                     "After=leased-guard.service\n"
                                     "IgnoreOnIsolate=yes\n"
                                     "\n"
                                     "[Service]\n"
                                     "EnvironmentFile=-/run/leased/env/foo.service\n"));
}

static void other_types_get_no_environment(void **state) {
        _cleanup_free_ char *text = text_of("foo.mount");

        assert_non_null(strstr(text, "AssertPathExists=/run/leased/held/foo.mount\n"));
        assert_null(strstr(text, "[Service]"));
        assert_null(strstr(text, "EnvironmentFile"));
}

static void names_are_escaped_as_each_setting_needs_it(void **state) {
        _cleanup_free_ char *backslash = text_of("foo@a\\x2db.service"), *odd = text_of("x%y*?[z].service");
        _cleanup_free_ char *pattern = env_pattern("x%y*?[z].service");

        assert_non_null(strstr(backslash, "AssertPathExists=/run/leased/held/foo@a\\x2db.service\n"));
        assert_non_null(strstr(backslash, "EnvironmentFile=-/run/leased/env/foo@a\\\\x2db.service\n"));
        assert_string_equal(pattern, "/run/leased/env/x%y\\*\\?\\[z].service");
        assert_non_null(strstr(odd, "AssertPathExists=/run/leased/held/x%%y*?[z].service\n"));
        assert_non_null(strstr(odd, "EnvironmentFile=-/run/leased/env/x%%y\\*\\?\\[z].service\n"));
}

static void it_is_written_once_and_again_when_it_differs(void **state) {
        _cleanup_free_ char *path = dropin_path(*state, "foo@a.service"), *text = NULL, *expected = NULL;
        char file[256];

        (void) snprintf(file, sizeof(file), "%s/etc/systemd/system/foo@a.service.d/zzzz-leased.conf",
                        (const char *) *state);
        assert_string_equal(path, file);
        assert_int_equal(write_of(*state, "foo@a.service"), 1);
        assert_int_equal(write_of(*state, "foo@a.service"), 0);
        fixture_write(*state, "/etc/systemd/system/foo@a.service.d/zzzz-leased.conf", "[Unit]\nAssertPathExists=\n");
        assert_int_equal(write_of(*state, "foo@a.service"), 1);
        expected = text_of("foo@a.service");
        assert_int_equal(read_file(path, 4096, &text, NULL), 0);
        assert_string_equal(text, expected);
}

static void what_an_earlier_version_wrote_is_written_anew(void **state) {
        static const char old[] = "[Unit]\nAssertPathExists=/run/leased/held/a.timer\nBindsTo=leased-guard.service\n";
        _cleanup_free_ char *path = dropin_path(*state, "a.service"), *text = NULL, *expected = NULL;

        assert_int_equal(write_of(*state, "a.timer"), 1);
        fixture_write(*state, "/etc/systemd/system/a.service.d/zzzz-leased.conf", old);
        fixture_write(*state, "/etc/systemd/system/b.service.d/zzzz-leased.conf", "[Unit]\nDescription=not ours\n");
        assert_int_equal(dropins_renew(*state), 1);
        expected = dropin_member_text("a.service", "a.timer");
        assert_int_equal(read_file(path, 4096, &text, NULL), 0);
        assert_string_equal(text, expected);
        assert_int_equal(dropins_renew(*state), 0);
}

/* While a file is being synced, `leasectl disable` ends: it has removed the options, and found no drop-in yet. */
static char *options_to_remove;

int fsync(int fd) {
        if (options_to_remove)
                (void) unlink(options_to_remove);
        return 0;
}

static void a_drop_in_of_a_unit_that_is_disabled_meanwhile_does_not_come_back(void **state) {
        _cleanup_free_ char *path = dropin_path(*state, "a.service"),
                            *options = unit_options_path(*state, "a.service");

        assert_int_equal(dropin_member_mend(*state, "a.service", "a.service"),
                        1); /* as ever where there are no options */
        assert_int_equal(dropin_remove(*state, "a.service"), 0);
        fixture_write(*state, "/etc/leased/units/a.service", "[X-Leased]\n");
        assert_int_equal(dropin_member_mend(*state, "a.service", "a.service"), 1);
        assert_int_equal(dropin_member_mend(*state, "a.service", "a.service"), 0);
        assert_int_equal(dropin_remove(*state, "a.service"), 0);
        options_to_remove = options;
        assert_int_equal(dropin_member_mend(*state, "a.service", "a.service"), 0);
        assert_int_equal(access(path, F_OK), -1);
        fixture_write(*state, "/etc/leased/units/a.service", "[X-Leased]\n");
        fixture_write(*state, "/etc/systemd/system/a.service.d/zzzz-leased.conf",
                        "[Unit]\nAssertPathExists=/run/leased/held/a.service\n");
        assert_int_equal(dropins_renew(*state), 0);
        assert_int_equal(access(path, F_OK), -1);
        options_to_remove = NULL;
}

static void removing_it_leaves_the_drop_ins_of_others(void **state) {
        char directory[256], other[300];

        (void) snprintf(directory, sizeof(directory), "%s/etc/systemd/system/a.service.d", (const char *) *state);
        (void) snprintf(other, sizeof(other), "%s/other.conf", directory);
        assert_int_equal(dropin_remove(*state, "a.service"), 0); /* was not there */
        assert_int_equal(write_of(*state, "a.service"), 1);
        fixture_write(*state, "/etc/systemd/system/a.service.d/other.conf", "[Unit]\n");
        assert_int_equal(dropin_remove(*state, "a.service"), 0);
        assert_int_equal(access(other, F_OK), 0);
        assert_int_equal(unlink(other), 0);
        assert_int_equal(write_of(*state, "a.service"), 1);
        assert_int_equal(dropin_remove(*state, "a.service"), 0);
        assert_int_equal(access(directory, F_OK), -1);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state) {
        fixture_write(*state, "/etc/systemd/system/a.service.d", "a file where the folder should be");
        assert_int_equal(write_of(*state, "a.service"), -ENOTDIR);
}

static void a_member_goes_by_the_gate_of_its_unit(void **state) {
        _cleanup_free_ char *text = dropin_member_text("foo@.service", "foo.socket");

        assert_non_null(strstr(text, "AssertPathExists=/run/leased/held/foo.socket\n"));
        assert_non_null(strstr(text, "EnvironmentFile=-/run/leased/env/foo.socket\n"));
        assert_null(strstr(text, "DefaultDependencies="));
}

/* systemd: sockets.target and paths.target come before basic.target, local-fs.target before sysinit.target. */
static void what_comes_before_basic_target_by_default_does_not_any_more(void **state) {
        static const char *const early[] = { "a.socket", "a.path", "a.mount", "a.automount" };
        static const char *const late[] = { "a.service", "a.timer", "a.target" };

        for (size_t i = 0; i < ELEMENTSOF(early); i++) {
                _cleanup_free_ char *text = text_of(early[i]);

                assert_non_null(strstr(text, "\nDefaultDependencies=no\n"));
                assert_non_null(strstr(text, "\nBefore="));
        }
        for (size_t i = 0; i < ELEMENTSOF(late); i++) {
                _cleanup_free_ char *text = text_of(late[i]);

                assert_null(strstr(text, "DefaultDependencies="));
        }
}

static void members_are_found_by_their_drop_ins(void **state) {
        _cleanup_free_ char *own = NULL, *none = NULL;
        _cleanup_(strv_freep) char **members = NULL;

        assert_int_equal(write_of(*state, "x%y.timer"), 1);
        assert_int_equal(dropin_member_write(*state, "b@.service", "x%y.timer", 0), 1);
        assert_int_equal(dropin_member_write(*state, "a.service", "x%y.timer", 0), 1);
        assert_int_equal(dropin_member_write(*state, "a.service", "x%y.timer", 0), 0);
        assert_int_equal(dropin_member_write(*state, "c.service", "other.timer", 0), 1);
        fixture_write(*state, "/etc/systemd/system/d.service.d/zzzz-leased.conf", "[Unit]\nDescription=not ours\n");
        assert_int_equal(dropin_members_list(*state, "x%y.timer", &members), 0);
        assert_int_equal(strv_length(members), 2);
        assert_string_equal(members[0], "a.service");
        assert_string_equal(members[1], "b@.service");
        own = dropin_owner(*state, "x%y.timer");
        assert_string_equal(own, "x%y.timer");
        none = dropin_owner(*state, "d.service");
        assert_null(none);
}

/* A unit that is enabled has a lease of its own, so its drop-in is not even opened. */
static void the_members_of_each_unit_are_read_at_once(void **state) {
        _cleanup_(strv_freep) char **of_a = NULL, **of_b = NULL, **of_c = NULL, **gated = NULL;
        DropinMembers m = {};

        assert_int_equal(write_of(*state, "a.timer"), 1);
        assert_int_equal(write_of(*state, "b.timer"), 1);
        assert_int_equal(write_of(*state, "left.service"), 1);
        assert_int_equal(dropin_member_write(*state, "a.service", "a.timer", 0), 1);
        assert_int_equal(dropin_member_write(*state, "a.service-x.service", "a.timer", 0), 1);
        assert_int_equal(dropin_member_write(*state, "b.service", "b.timer", 0), 1);
        assert_int_equal(dropin_member_write(*state, "own.service", "b.timer", 0), 1);
        fixture_write(*state, "/etc/leased/units/a.timer", "");
        fixture_write(*state, "/etc/leased/units/own.service", "");
        assert_int_equal(dropin_members_begin(*state, &m), 1);
        for (size_t n = 0, more = 1; more; n = m.n) { /* one drop-in at a time */
                more = (size_t) dropin_members_next(*state, &m);
                assert_in_range(m.n, n, n + 1);
        }
        assert_int_equal(m.n, 3);
        assert_int_equal(dropin_members_next(*state, &m), 0);
        dropin_members_done(&m);
        assert_int_equal(dropin_members_read(*state, &m), 0);
        assert_int_equal(dropin_members_of(&m, "a.timer", &of_a), 0);
        assert_int_equal(dropin_members_of(&m, "b.timer", &of_b), 0);
        assert_int_equal(dropin_members_of(&m, "c.timer", &of_c), 0);
        dropin_members_done(&m);
        assert_int_equal(strv_length(of_a), 2);
        assert_string_equal(of_a[0], "a.service");
        assert_string_equal(of_a[1], "a.service-x.service");
        assert_int_equal(strv_length(of_b), 1);
        assert_string_equal(of_b[0], "b.service");
        assert_null(of_c);
        assert_int_equal(dropin_units_list(*state, &gated), 0);
        assert_int_equal(strv_length(gated), 3);
        assert_string_equal(gated[2], "left.service");
}

#define with_root(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_service_gets_gate_binding_and_environment),
                cmocka_unit_test(other_types_get_no_environment),
                cmocka_unit_test(names_are_escaped_as_each_setting_needs_it),
                with_root(it_is_written_once_and_again_when_it_differs),
                with_root(what_an_earlier_version_wrote_is_written_anew),
                with_root(a_drop_in_of_a_unit_that_is_disabled_meanwhile_does_not_come_back),
                with_root(removing_it_leaves_the_drop_ins_of_others),
                cmocka_unit_test(a_member_goes_by_the_gate_of_its_unit),
                cmocka_unit_test(what_comes_before_basic_target_by_default_does_not_any_more),
                with_root(members_are_found_by_their_drop_ins),
                with_root(the_members_of_each_unit_are_read_at_once),
                with_root(a_folder_that_cannot_be_made_is_an_error),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
