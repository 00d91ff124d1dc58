/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/unit-files.h"

#include "conf-fixture.h"

static void assert_files_found(const char *root, const char *unit, const char *expected) {
        _cleanup_(strv_freep) char **files = NULL;
        char joined[1024] = "";

        assert_int_equal(unit_files_find(root, unit, &files), 0);
        for (char **f = files; *f; f++) {
                size_t n = strlen(joined);

                (void) snprintf(joined + n, sizeof(joined) - n, "%s%s", n ? " " : "", *f);
        }
        assert_string_equal(joined, expected);
}

/* The same is found when the folders were listed before. */
static void assert_files(const char *root, const char *unit, const char *expected) {
        assert_files_found(root, unit, expected);
        unit_files_remember(root);
        assert_files_found(root, unit, expected);
        unit_files_forget();
}

static void folders_that_count_for_many_units_are_listed_with_the_unit_s_own(void **state) {
        static const struct {
                const char *unit, *expected;
        } cases[] = {
                { "a.service", "a.service service" },
                { "foo-bar.timer", "foo-bar.timer foo-.timer timer" },
                { "a@x.service", "a@x.service a@.service service" },
                { "foo-bar@i.service", "foo-bar@i.service foo-bar@.service foo-.service foo-@i.service foo-@.service "
                                       "service" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(strv_freep) char **names = NULL;
                char joined[256] = "";

                assert_int_equal(unit_files_folder_names(cases[i].unit, &names), 0);
                for (char **n = names; *n; n++)
                        (void) snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s",
                                        n == names ? "" : " ", *n);
                for (char **n = names; *n; n++)
                        if (!strstr(cases[i].expected, *n))
                                fail_msg("%s: %s", cases[i].unit, joined);
                assert_int_equal(strlen(joined), strlen(cases[i].expected));
        }
        assert_int_equal(unit_files_folder_names("a.slice", &(char **){ NULL }), -EINVAL);
}

static void unit_names_are_judged_as_pid_1_does(void **state) {
        static const char *const good[] = {
                "a.service",
                "foo@bar.service",
                "foo@a\\x2db.service",
                "foo-bar_1:2.timer",
                "x.y.mount",
                "a.socket",
                "b.path",
                "c.target",
                "e.automount",
                "foo@a@b.service",
        };
        static const char *const bad[] = {
                "",
                ".service",
                "foo",
                "foo.",
                "foo.servic",
                "foo@.service",
                "@a.service",
                "a/b.service",
                "../a.service",
                "a b.service",
                "x%y.service",
                "x.slice",
                "x.scope",
                "x.device",
                ".hidden.service",
                "a.service\n",
                "\xc3\xa4.service",
                "foo@.",
                "foo.service@bar",
        };
        char name[300];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                if (!unit_name_is_valid(good[i]))
                        fail_msg("refused: %s", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (unit_name_is_valid(bad[i]))
                        fail_msg("accepted: %s", bad[i]);
        memset(name, 'a', sizeof(name));
        strcpy(name + 240 - strlen(".service"), ".service");
        assert_true(unit_name_is_valid(name));
        memset(name, 'a', sizeof(name));
        strcpy(name + 241 - strlen(".service"), ".service");
        assert_false(unit_name_is_valid(name));
}

static void a_slice_is_a_units_own(void **state) {
        static const char *const good[] = { "a.slice", "foo-bar.slice", "machine-foo.slice", "systemd.slice",
                "a_b.slice" };
        static const char *const bad[] = { "", ".slice", "-.slice", "a", "a.service", "system.slice", "user.slice",
                "machine.slice", "init.slice", "system-foo.slice", "user-0.slice", "a--b.slice", "-a.slice",
                "a-.slice", "a/b.slice", ".a.slice", "a@b.slice" };
        static const char *const inside[] = { "a.slice", "a-b.slice", "a-b-c.slice" };
        static const char *const outside[] = { "b.slice", "ab.slice", "b-a.slice", "a", "a-b.service", "a-.slice",
                "" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                if (!slice_name_is_valid(good[i]))
                        fail_msg("refused: %s", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (slice_name_is_valid(bad[i]))
                        fail_msg("accepted: %s", bad[i]);
        for (size_t i = 0; i < ELEMENTSOF(inside); i++)
                assert_true(slice_contains("a.slice", inside[i]));
        for (size_t i = 0; i < ELEMENTSOF(outside); i++)
                assert_false(slice_contains("a.slice", outside[i]));
}

static void a_bad_slice_leaves_in_doubt_where_the_processes_are(void **state) {
        _cleanup_(messages_done) Messages m = {};
        const char *root = *state;
        UnitOptions *o = NULL;

        fixture_write(root, "/etc/systemd/system/w@1.service", "[X-Leased]\nSlice=%p-%i.slice\nAllowOutside=yes\n");
        fixture_write(root, "/etc/leased/units/w@1.service", "");
        assert_int_equal(unit_options_load(root, "w@1.service", &o, &m), 0);
        assert_string_equal(o->slice, "w-1.slice");
        assert_true(o->allow_outside);
        o = unit_options_free(o);

        fixture_write(root, "/etc/leased/units/w@1.service", "[X-Leased]\nSlice=system.slice\n");
        assert_int_equal(unit_options_load(root, "w@1.service", &o, &m), -EBADMSG);
        assert_null(o);
        assert_int_equal(m.n, 1);

        fixture_write(root, "/etc/leased/units/w@1.service", "[X-Leased]\nSlice=\n");
        assert_int_equal(unit_options_load(root, "w@1.service", &o, &m), 0);
        assert_null(o->slice);
        unit_options_free(o);
}

static void the_first_unit_file_in_the_search_path_counts(void **state) {
        const char *root = *state;

        assert_files(root, "foo.service", "");
        fixture_write(root, "/lib/systemd/system/foo.service", "[Unit]\n");
        assert_files(root, "foo.service", "/lib/systemd/system/foo.service");
        fixture_write(root, "/usr/lib/systemd/system/foo.service", "[Unit]\n");
        assert_files(root, "foo.service", "/usr/lib/systemd/system/foo.service");
        fixture_write(root, "/usr/local/lib/systemd/system/foo.service", "[Unit]\n");
        assert_files(root, "foo.service", "/usr/local/lib/systemd/system/foo.service");
        fixture_write(root, "/run/systemd/system/foo.service", "[Unit]\n");
        assert_files(root, "foo.service", "/run/systemd/system/foo.service");
        fixture_write(root, "/etc/systemd/system/foo.service", "[Unit]\n");
        assert_files(root, "foo.service", "/etc/systemd/system/foo.service");
        fixture_link(root, "/etc/systemd/system/foo.service", "/dev/null");
        assert_files(root, "foo.service", "");
}

static void an_instance_is_read_from_its_own_file_or_its_template(void **state) {
        const char *root = *state;

        fixture_write(root, "/etc/systemd/system/foo@.service", "[Unit]\n");
        assert_files(root, "foo@a.service", "/etc/systemd/system/foo@.service");
        fixture_write(root, "/usr/lib/systemd/system/foo@a.service", "[Unit]\n");
        assert_files(root, "foo@a.service", "/usr/lib/systemd/system/foo@a.service");
        assert_files(root, "foo@b.service", "/etc/systemd/system/foo@.service");
}

static void drop_ins_come_from_all_places_in_the_order_of_their_names(void **state) {
        const char *root = *state;

        fixture_write(root, "/usr/lib/systemd/system/service.d/90-type.conf", "[Unit]\n");
        fixture_write(root, "/usr/lib/systemd/system/a-.service.d/50-prefix.conf", "[Unit]\n");
        fixture_write(root, "/usr/lib/systemd/system/a-b-.service.d/40-longer-prefix.conf", "[Unit]\n");
        fixture_write(root, "/run/systemd/system/a-b-c@.service.d/60-template.conf", "[Unit]\n");
        fixture_write(root, "/etc/systemd/system/a-b-c@i.service.d/70-own.conf", "[Unit]\n");
        fixture_write(root, "/etc/systemd/system/a-b-c@i.service.d/not-read.txt", "[Unit]\n");
        fixture_write(root, "/etc/systemd/system/a-b-@.service.d/45-prefix-of-template.conf", "[Unit]\n");
        fixture_write(root, "/etc/systemd/system/a-b-c@i.service", "[Unit]\n");
        assert_files(root, "a-b-c@i.service",
                        "/etc/systemd/system/a-b-c@i.service "
                        "/usr/lib/systemd/system/a-b-.service.d/40-longer-prefix.conf "
                        "/etc/systemd/system/a-b-@.service.d/45-prefix-of-template.conf "
                        "/usr/lib/systemd/system/a-.service.d/50-prefix.conf "
                        "/run/systemd/system/a-b-c@.service.d/60-template.conf "
                        "/etc/systemd/system/a-b-c@i.service.d/70-own.conf "
                        "/usr/lib/systemd/system/service.d/90-type.conf");
        assert_files(root, "a-b-c.service",
                        "/usr/lib/systemd/system/a-b-.service.d/40-longer-prefix.conf "
                        "/usr/lib/systemd/system/a-.service.d/50-prefix.conf "
                        "/usr/lib/systemd/system/service.d/90-type.conf");
}

static void a_drop_in_hides_others_of_its_name(void **state) {
        const char *root = *state;

        fixture_write(root, "/usr/lib/systemd/system/foo-bar.service.d/x.conf", "[Unit]\n");
        fixture_write(root, "/etc/systemd/system/foo-.service.d/x.conf", "[Unit]\n");
        fixture_write(root, "/etc/systemd/system/service.d/x.conf", "[Unit]\n");
        assert_files(root, "foo-bar.service", "/etc/systemd/system/foo-.service.d/x.conf");
        fixture_write(root, "/run/systemd/system.control/foo-bar.service.d/x.conf", "");
        assert_files(root, "foo-bar.service", "");
}

/* The order in which PID 1 (252) prefers them, found out by removing one after the other. */
static void of_an_instance_with_dashes_each_name_counts_before_the_next(void **state) {
        static const char *const names[] = {
                "aa-bb-cc@i.service",
                "aa-bb-cc@.service",
                "aa-bb-.service",
                "aa-.service",
                "aa-bb-@i.service",
                "aa-bb-@.service",
                "aa-@i.service",
                "aa-@.service",
                "service",
        };
        char path[256];

        for (size_t i = ELEMENTSOF(names); i-- > 0;) {
                (void) snprintf(path, sizeof(path), "/etc/systemd/system/%s.d/x.conf", names[i]);
                fixture_write(*state, path, "[Unit]\n");
                assert_files(*state, "aa-bb-cc@i.service", path);
        }
}

/* As PID 1 (252) does it; test-leasectl-options.py asks the PID 1 of each version. */
static void drop_ins_of_aliases_count_behind_the_unit_s_own(void **state) {
        static const struct {
                const char *link, *target;
        } links[] = {
                { "/etc/systemd/system/also.service", "/lib/systemd/system/u.service" },
                { "/etc/systemd/system/second.service", "also.service" },
                { "/run/systemd/system/third.service", "../../../lib/./systemd/system/u.service" },
                { "/usr/lib/systemd/system/u2.service", "u.service" }, /* hidden by a unit of that name */
                { "/etc/systemd/system/outside.service", "/opt/u.service" },
                { "/etc/systemd/system/also.timer", "/lib/systemd/system/u.service" },
                { "/etc/systemd/system/nowhere.service", "gone.service" },
                { "/etc/systemd/system/circle.service", "round.service" },
                { "/etc/systemd/system/round.service", "circle.service" },
                { "/etc/systemd/system/a@.service", "t@.service" },
                { "/etc/systemd/system/b@1.service", "t@1.service" },
                { "/etc/systemd/system/c@1.service", "t@.service" },
                { "/etc/systemd/system/d@2.service", "t@1.service" }, /* of another instance */
                { "/etc/systemd/system/e@own.service", "t@own.service" },
                { "/etc/systemd/system/al-so.service", "second.service" },
        };
        static const char *const units[] = { "u.service", "t@.service", "t@own.service", "a@7.service" };
        static const char *const folders[] = { "u.service", "also.service", "second.service", "third.service",
                "al-.service", "al-so.service", "u2.service", "outside.service", "also.timer", "nowhere.service",
                "circle.service", "a@.service", "a@1.service", "a@7.service", "a@own.service", "b@1.service",
                "c@.service", "d@2.service", "e@own.service" };
        const char *root = *state;
        char path[256];

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                (void) snprintf(path, sizeof(path), "/usr/lib/systemd/system/%s", units[i]);
                fixture_write(root, path, "[Unit]\n");
        }
        fixture_link(root, "/lib", "usr/lib");
        fixture_write(root, "/etc/systemd/system/u2.service", "[Unit]\n");
        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                fixture_link(root, links[i].link, links[i].target);
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                (void) snprintf(path, sizeof(path), "/etc/systemd/system/%s.d/%s.conf", folders[i], folders[i]);
                fixture_write(root, path, "[Unit]\n");
        }
#define DROPIN(name) " /etc/systemd/system/" name ".d/" name ".conf"
#define LIB "/usr/lib/systemd/system/"
        assert_files(root, "u.service",
                        LIB "u.service" DROPIN("al-.service") DROPIN("al-so.service") DROPIN("also.service")
                                        DROPIN("second.service") DROPIN("third.service") DROPIN("u.service"));
        assert_files(root, "u2.service", "/etc/systemd/system/u2.service" DROPIN("u2.service"));
        assert_files(root, "t@1.service",
                        LIB "t@.service" DROPIN("a@.service") DROPIN("a@1.service") DROPIN("b@1.service")
                                        DROPIN("c@.service"));
        assert_files(root, "t@7.service", LIB "t@.service"); /* a@7.service is a unit of its own */
        assert_files(root, "t@own.service", LIB "t@own.service" DROPIN("e@own.service"));
}

static void a_drop_in_of_an_alias_hides_only_one_of_the_type(void **state) {
        const char *root = *state;

        fixture_write(root, "/etc/systemd/system/u.service", "[Unit]\n");
        fixture_link(root, "/etc/systemd/system/also.service", "u.service");
        fixture_write(root, "/usr/lib/systemd/system/u.service.d/x.conf", "[Unit]\n");
        fixture_write(root, "/etc/systemd/system/also.service.d/x.conf", "[Unit]\n");
        fixture_write(root, "/usr/lib/systemd/system/also.service.d/y.conf", "[Unit]\n");
        fixture_write(root, "/etc/systemd/system/service.d/y.conf", "[Unit]\n");
        assert_files(root, "u.service",
                        "/etc/systemd/system/u.service /usr/lib/systemd/system/u.service.d/x.conf "
                        "/usr/lib/systemd/system/also.service.d/y.conf");
}

static void options_are_read_from_unit_drop_in_and_units_file(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL, *p = NULL;
        _cleanup_(messages_done) Messages m = {};
        const char *root = *state;

        fixture_write(root, "/usr/lib/systemd/system/foo.service",
                        "[Service]\nExecStart=/bin/sh -c 'a=1; \\\n "
                        "b=2'\nnonsense\n[X-Leased]\nVersion=1\nLease=shared\n"
                        "StopGraceSec=1s\n");
        assert_int_equal(unit_options_load(root, "foo.service", &o, &m), -ENOENT);
        assert_int_equal(unit_options_load(root, "../etc.service", &o, &m), -ENOENT);
        assert_messages(&m, NULL);

        fixture_write(root, "/etc/leased/units/foo.service", "");
        fixture_write(root, "/etc/systemd/system/foo.service.d/o.conf",
                        "[X-Leased]\nVersion=2\nStopGraceSec=2s\nOnFailure=hold\nFenceAction=reboot\n");
        assert_int_equal(unit_options_load(root, "foo.service", &o, &m), 0);
        assert_messages(&m, NULL);
        assert_string_equal(o->unit, "foo.service");
        assert_string_equal(o->lease, "shared");
        assert_int_equal(o->config.version, 2);
        assert_true(o->config.stop_grace == 2 * USEC_PER_SEC);
        assert_true(o->config.hold_on_failure);
        assert_true(o->fence_by_reboot);
        assert_false(o->config.release_on_success);
        assert_true(o->config.hold_down_release == 30 * USEC_PER_SEC);
        assert_true(o->config.hold_down_failure == 60 * USEC_PER_SEC);

        fixture_write(root, "/etc/leased/units/foo.service",
                        "[X-Leased]\nVersion=3\nLease=\nOnSuccess=release\nHoldDownSec=5s\nStopGraceSec=\n");
        assert_int_equal(unit_options_load(root, "foo.service", &p, &m), 0);
        assert_int_equal(p->config.version, 3);
        assert_string_equal(p->lease, "foo.service");
        assert_true(p->config.stop_grace == USEC_INFINITY);
        assert_true(p->config.release_on_success);
        assert_true(p->config.hold_down_release == 5 * USEC_PER_SEC);
        assert_true(p->config.hold_down_failure == 5 * USEC_PER_SEC);
}

static void assert_copies(const char *root, const char *options, const char *message) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL;
        _cleanup_(messages_done) Messages m = {};
        char text[400], expected[400];

        (void) snprintf(text, sizeof(text), "[X-Leased]\n%s\n", options);
        (void) snprintf(expected, sizeof(expected), "/etc/leased/units/foo.service:2: %s", message);
        assert_int_equal(unit_options_preview_text(root, "foo.service", text, strlen(text), &o, &m), -EBADMSG);
        assert_messages(&m, expected, NULL);
        assert_null(o); /* by which leases it goes is in doubt */
}

static void a_unit_with_copies_goes_by_numbered_leases(void **state) {
        static const struct {
                const char *text, *lease, *slot;
                unsigned copies;
        } good[] = {
                { "Copies=3", "foo.service", "foo.service#1", 3 },
                { "Copies=64\nLease=shared", "shared", "shared#1", 64 },
                { "Copies=1", "foo.service", "foo.service", 1 },
                { "Copies=3\nCopies=", "foo.service", "foo.service", 1 },
        };
        char name[256], text[300];
        const char *root = *state;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_(unit_options_freep) UnitOptions *o = NULL;
                _cleanup_(messages_done) Messages m = {};

                (void) snprintf(text, sizeof(text), "[X-Leased]\n%s\n", good[i].text);
                assert_int_equal(unit_options_preview_text(root, "foo.service", text, strlen(text), &o, &m), 0);
                assert_messages(&m, NULL);
                assert_string_equal(o->lease, good[i].lease);
                assert_string_equal(o->config.lease, good[i].slot);
                assert_int_equal(o->config.slots, good[i].copies);
        }
        assert_copies(root, "Copies=0", "Copies=0: expected is a number from 1 to 64, e.g. 3");
        assert_copies(root, "Copies=65", "Copies=65: expected is a number from 1 to 64, e.g. 3");
        assert_copies(root, "Copies=all", "Copies=all: expected is a number from 1 to 64, e.g. 3");
        assert_copies(root, "Copies=2\nGlobal=yes",
                        "Copies=: cannot stand together with Global=, which runs it on every machine, remove one of "
                        "them");
        memset(name, 'a', sizeof(name) - 1);
        name[255] = '\0';
        (void) snprintf(text, sizeof(text), "Copies=2\nLease=%s", name);
        assert_copies(root, text,
                        "Copies=: the name of the lease is too long for copies, give it a shorter one by Lease=");
}

static void a_check_is_read_with_its_times_and_counts(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *all = NULL, *none = NULL, *bad = NULL;
        _cleanup_(messages_done) Messages m = {};
        const char *root = *state;

        fixture_write(root, "/etc/leased/units/a.service",
                        "[X-Leased]\nCheck=/bin/sh -c 'exit 1'\nCheckIntervalSec=2s\nCheckTimeoutSec=1min\n"
                        "CheckRise=4\nCheckFall=100\n");
        fixture_write(root, "/etc/leased/units/b.service", "[X-Leased]\nCheck=/bin/true\nCheck=\n");
        fixture_write(root, "/etc/leased/units/bad.service",
                        "[X-Leased]\nCheck=true\nCheckIntervalSec=500ms\nCheckTimeoutSec=2h\nCheckRise=0\n"
                        "CheckFall=101\nCheck=/bin/sh -c 'exit\nOnShutdown=stay\nRebootSec=2h\n");
        assert_int_equal(unit_options_load(root, "a.service", &all, &m), 0);
        assert_string_equal(all->check.command[2], "exit 1");
        assert_int_equal(all->check.interval, 2 * USEC_PER_SEC);
        assert_int_equal(all->check.timeout, USEC_PER_MINUTE);
        assert_int_equal(all->check.rise, 4);
        assert_int_equal(all->check.fall, 100);
        assert_true(all->config.checked);
        assert_int_equal(unit_options_load(root, "b.service", &none, &m), 0);
        assert_true(!none->check.command && !none->config.checked);
        assert_int_equal(none->check.interval, 10 * USEC_PER_SEC);
        assert_int_equal(none->check.timeout, 5 * USEC_PER_SEC);
        assert_messages(&m, NULL);
        assert_int_equal(unit_options_load(root, "bad.service", &bad, &m), -EBADMSG);
#define BAD "/etc/leased/units/bad.service:"
        assert_messages(&m, BAD "2: Check=true: expected is a command that begins with the absolute path of a program",
                        BAD "3: CheckIntervalSec=500ms: expected is a time span from 1s to 1h, e.g. 10s",
                        BAD "4: CheckTimeoutSec=2h: expected is a time span from 1s to 1h, e.g. 5s",
                        BAD "5: CheckRise=0: expected is a whole number from 1 to 100, e.g. 2",
                        BAD "6: CheckFall=101: expected is a whole number from 1 to 100, e.g. 3",
                        BAD "7: Check=/bin/sh -c 'exit: expected is a command that begins with the absolute path of a "
                            "program",
                        BAD "8: OnShutdown=stay: expected is handover or keep",
                        BAD "9: RebootSec=2h: expected is a time span up to 1h, e.g. 5min", NULL);
}

static void freezing_is_refused_where_it_would_not_do_what_it_says(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *good = NULL;
        UnitOptions *bad = NULL;
        _cleanup_(messages_done) Messages m = {};
        const char *root = *state;

        fixture_write(root, "/etc/leased/units/cold.service", "[X-Leased]\nOnOutage=freeze\n");
        fixture_write(root, "/etc/leased/units/cold.timer", "[X-Leased]\nOnOutage=freeze\n");
        fixture_write(root, "/etc/leased/units/both.service", "[X-Leased]\nFenceAction=reboot\nOnOutage=freeze\n");
        assert_int_equal(unit_options_load(root, "cold.service", &good, &m), 0);
        assert_true(good->config.freezes);
        assert_messages(&m, NULL);
        for (const char *const *unit = (const char *const[]){ "cold.timer", "both.service", NULL }; *unit; unit++) {
                assert_int_equal(unit_options_load(root, *unit, &bad, &m), -EBADMSG);
                assert_false(bad && bad->config.freezes);
                unit_options_free(bad);
                bad = NULL;
        }
        assert_messages(&m,
                        "/etc/leased/units/cold.timer:2: OnOutage=freeze: only a service has processes to freeze, "
                        "remove it",
                        "/etc/leased/units/both.service:3: OnOutage=freeze: cannot stand together with "
                        "FenceAction=reboot: what outlives the processes of a frozen unit would stay, remove one of "
                        "the two",
                        NULL);
}

static void bad_options_are_named_with_file_and_line(void **state) {
        _cleanup_(messages_done) Messages m = {};
        const char *root = *state;
        UnitOptions *o = NULL;

        fixture_write(root, "/etc/systemd/system/foo.service",
                        "[Unit]\n\n[X-Leased]\nLease=a/b\nStopGraceSec=2min\nVersion=new\nOnSuccess=stop\n"
                        "OnFailure=done\nHoldDownSec=2h\nTTL=3s\nFenceAction=off\n");
        fixture_write(root, "/etc/leased/units/foo.service", "[Service]\n");
        assert_int_equal(unit_options_load(root, "foo.service", &o, &m), -EBADMSG);
        assert_null(o);
#define U "/etc/systemd/system/foo.service"
        assert_messages(&m,
                        U ":4: Lease=a/b: expected is a name of at most 255 letters, digits and :_.\\@- that does not "
                          "begin with a dot",
                        U ":5: StopGraceSec=2min: expected is a time span up to 60s, e.g. 3s",
                        U ":6: Version=new: expected is a whole number, e.g. 2",
                        U ":7: OnSuccess=stop: expected is done or release",
                        U ":8: OnFailure=done: expected is release or hold",
                        U ":9: HoldDownSec=2h: expected is a time span up to 1h, e.g. 30s",
                        U
                        ":10: TTL=: unknown option in [X-Leased], known are Lease=, Copies=, StopGraceSec=, Version=, "
                        "OnSuccess=, OnFailure=, OnOutage=, Check=, CheckIntervalSec=, CheckTimeoutSec=, CheckRise=, "
                        "CheckFall=, OnShutdown=, RebootSec=, HoldDownSec=, FenceAction=, "
                        "Slice=, AllowOutside=, "
                        "MachineID=, "
                        "MachineOf=, Require=, Conflicts=, Replaces=, Global=, Prefer=, PreferNot=, Spread=, "
                        "Failback=, FailbackSec=",
                        U ":11: FenceAction=off: expected is none or reboot",
                        "/etc/leased/units/foo.service:1: [Service]: unknown section, only [X-Leased] is read here",
                        NULL);
}

static void a_stop_grace_that_does_not_fit_is_refused_with_its_numbers(void **state) {
        UnitOptions o = { .unit = (char *) "foo.service", .config.stop_grace = 8 * USEC_PER_SEC };
        _cleanup_(messages_done) Messages m = {};

        assert_int_equal(unit_options_check(&o, 10 * USEC_PER_SEC, USEC_INFINITY, &m), -EBADMSG);
        assert_messages(&m,
                        "foo.service: StopGraceSec=8.0s: with TTL=10.0s the unit would be stopped 1.4s after a beat, "
                        "before a round of 2000 ms and two attempts are over: at most StopGraceSec=5.4s, or a longer "
                        "TTL=",
                        NULL);
        messages_done(&m);
        o.stop_grace_where = (char *) "/etc/leased/units/foo.service:2";
        assert_int_equal(unit_options_check(&o, 10 * USEC_PER_SEC, USEC_INFINITY, &m), -EBADMSG);
        assert_non_null(startswith(m.lines[0], "/etc/leased/units/foo.service:2: StopGraceSec=8.0s: "));
        o.config.stop_grace = 5400 * USEC_PER_MSEC;
        assert_int_equal(unit_options_check(&o, 10 * USEC_PER_SEC, USEC_INFINITY, &m), 0);
        o.config.stop_grace = USEC_INFINITY;
        assert_int_equal(unit_options_check(&o, 2 * USEC_PER_SEC, USEC_INFINITY, &m), 0);
}

static void a_ttl_that_leaves_a_unit_no_time_to_stop_is_refused_with_both_lines(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL;
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL;
        _cleanup_(messages_done) Messages m = {};
        const char *root = *state;

        fixture_write(root, "/etc/leased/leased.conf", "[Leased]\nTTL=30s\nTTL=3s\n");
        fixture_write(root, "/etc/leased/units/foo.service", "[X-Leased]\n\nStopGraceSec=1s\n");
        assert_int_equal(leased_conf_load(root, &c, &m), 0);
        assert_int_equal(unit_options_load(root, "foo.service", &o, &m), 0);
        assert_int_equal(unit_options_check_ttl(o, c, &m), -EBADMSG);
        assert_messages(&m,
                        "/etc/leased/leased.conf:3: TTL=3.0s: too short for foo.service with StopGraceSec=1.0s "
                        "(/etc/leased/units/foo.service:3): at most StopGraceSec=990ms there, or a longer TTL=",
                        NULL);
        o->config.stop_grace = 990 * USEC_PER_MSEC;
        assert_int_equal(unit_options_check_ttl(o, c, &m), 0);
}

static void enabled_units_are_listed_and_strange_names_told(void **state) {
        _cleanup_(strv_freep) char **l = NULL, **none = NULL;
        _cleanup_(messages_done) Messages m = {};
        const char *root = *state;

        assert_int_equal(enabled_units_list(root, &none, &m), 0);
        assert_null(none[0]);
        fixture_write(root, "/etc/leased/units/b.service", "");
        fixture_write(root, "/etc/leased/units/a@1.service", "");
        fixture_write(root, "/etc/leased/units/a@.service", "");
        fixture_write(root, "/etc/leased/units/.b.service.swp", "");
        fixture_write(root, "/etc/leased/units/b.service~", "");
        assert_int_equal(enabled_units_list(root, &l, &m), 0);
        assert_string_equal(l[0], "a@1.service");
        assert_string_equal(l[1], "b.service");
        assert_null(l[2]);
        assert_messages(&m, "/etc/leased/units/a@.service: not the name of a unit, e.g. foo.service; remove the file",
                        "/etc/leased/units/b.service~: not the name of a unit, e.g. foo.service; remove the file",
                        NULL);
}

#define with_root(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(unit_names_are_judged_as_pid_1_does),
                cmocka_unit_test(folders_that_count_for_many_units_are_listed_with_the_unit_s_own),
                cmocka_unit_test(a_slice_is_a_units_own),
                with_root(a_bad_slice_leaves_in_doubt_where_the_processes_are),
                with_root(the_first_unit_file_in_the_search_path_counts),
                with_root(an_instance_is_read_from_its_own_file_or_its_template),
                with_root(drop_ins_come_from_all_places_in_the_order_of_their_names),
                with_root(a_drop_in_hides_others_of_its_name),
                with_root(of_an_instance_with_dashes_each_name_counts_before_the_next),
                with_root(drop_ins_of_aliases_count_behind_the_unit_s_own),
                with_root(a_drop_in_of_an_alias_hides_only_one_of_the_type),
                with_root(options_are_read_from_unit_drop_in_and_units_file),
                with_root(a_unit_with_copies_goes_by_numbered_leases),
                with_root(bad_options_are_named_with_file_and_line),
                with_root(a_check_is_read_with_its_times_and_counts),
                cmocka_unit_test(a_slice_is_a_units_own),
                with_root(a_bad_slice_leaves_in_doubt_where_the_processes_are),
                with_root(the_first_unit_file_in_the_search_path_counts),
                with_root(an_instance_is_read_from_its_own_file_or_its_template),
                with_root(drop_ins_come_from_all_places_in_the_order_of_their_names),
                with_root(a_drop_in_hides_others_of_its_name),
                with_root(of_an_instance_with_dashes_each_name_counts_before_the_next),
                with_root(options_are_read_from_unit_drop_in_and_units_file),
                with_root(freezing_is_refused_where_it_would_not_do_what_it_says),
                cmocka_unit_test(a_stop_grace_that_does_not_fit_is_refused_with_its_numbers),
                with_root(a_ttl_that_leaves_a_unit_no_time_to_stop_is_refused_with_both_lines),
                with_root(enabled_units_are_listed_and_strange_names_told),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
