/* SPDX-License-Identifier: Apache-2.0 */

/* Where a unit may run, as its files say it: [X-Fleet], [X-Leased], and what may not stand together. */

#include "conf-fixture.h"
#include "conf/metadata.h"

#define FILE_OF(unit) "/etc/systemd/system/" unit
#define ID "0123456789abcdef0123456789abcdef"

/* A unit file with nothing but these sections in it, read as if the unit were enabled. */
static UnitOptions *read_unit(
                const char *root, const char *file, const char *unit, const char *sections, Messages *m) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        UnitOptions *o = NULL;
        int r;

        assert_true(asprintf(&path, FILE_OF("%s"), file) > 0);
        assert_true(asprintf(&text, "[Service]\nExecStart=/bin/true\n%s", sections) > 0);
        fixture_write(root, path, text);
        r = unit_options_preview(root, unit, &o, m);
        assert_int_equal(r, m->n > 0 ? -EBADMSG : 0);
        return o;
}

static UnitOptions *read_good(const char *root, const char *file, const char *unit, const char *sections) {
        _cleanup_(messages_done) Messages m = {};
        UnitOptions *o = read_unit(root, file, unit, sections, &m);

        assert_messages(&m, NULL);
        assert_non_null(o);
        return o;
}

/* The single message, without the unit file before it. */
static void assert_refused(const char *root, const char *sections, const char *expected) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL;
        _cleanup_(messages_done) Messages m = {};

        o = read_unit(root, "foo@.service", "foo@1.service", sections, &m);
        if (m.n != 1)
                fail_msg("%zu messages for %s", m.n, sections);
        assert_true(startswith(m.lines[0], FILE_OF("foo@.service") ":"));
        assert_string_equal(m.lines[0] + strlen(FILE_OF("foo@.service") ":"), expected);
}

/* ---- fleet's section ---- */

/* What fleet's own examples and fixtures say in their [X-Fleet], as facts; their unit files are not repeated here. */
static void what_fleets_examples_say_is_taken_as_it_stands(void **state) {
        static const struct {
                const char *file, *unit, *says;
                Placement p;
                bool global;
        } examples[] = {
                { "web.service", "web.service", "", {}, false },
                { "one@.service", "one@a.service", "", {}, false },
                { "pong.service", "pong.service", "MachineOf=ping.service", { .machine_of = "ping.service" }, false },
                { "pong.2.service", "pong.2.service", "X-ConditionMachineOf=ping.2.service",
                                { .machine_of = "ping.2.service" }, false },
                { "c.1.service", "c.1.service", "X-Conflicts=c.*.service", { .conflicts = "c.*.service" }, false },
                { "c.2.service", "c.2.service", "Conflicts=c.*.service", { .conflicts = "c.*.service" }, false },
                { "many.1.service", "many.1.service", "Conflicts=c.2.service c.1.service c.0.service",
                                { .conflicts = "c.2.service c.1.service c.0.service" }, false },
                { "many.2.service", "many.2.service",
                                "Conflicts=c.2.service\nConflicts=c.1.service\nConflicts=c.0.service",
                                { .conflicts = "c.2.service c.1.service c.0.service" }, false },
                { "monitor.service", "monitor.service", "MachineMetadata=location=chicago\nConflicts=monitor*",
                                { .require = "location=chicago", .conflicts = "monitor*" }, false },
                { "all.service", "all.service", "Global=true", {}, true },
                { "all@.service", "all@x.service", "Global=true", {}, true },
                { "apart.1.service", "apart.1.service", "Global=true\nConflicts=apart.*.service",
                                { .conflicts = "apart.*.service" }, true },
                { "somewhere@.service", "somewhere@m1.service", "MachineMetadata=hostname=%i",
                                { .require = "hostname=m1" }, false },
                { "pin@.service", "pin@" ID ".service", "MachineID=%i", { .machine_id = ID }, false },
                { "kick.service", "kick.service", "Replaces=kicked.*.service", { .replaces = "kicked.*.service" },
                                false },
                { "regions.service", "regions.service",
                                "MachineMetadata=\"region=us-east-1\" \"diskType=SSD\"\n"
                                "MachineMetadata=region=us-west-1",
                                { .require = "region=us-east-1 diskType=SSD region=us-west-1" }, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(examples); i++) {
                _cleanup_(unit_options_freep) UnitOptions *o = NULL;
                Placement expected = examples[i].p;
                char text[512];

                (void) snprintf(text, sizeof(text), "[X-Fleet]\n%s\n", examples[i].says);
                o = read_good(*state, examples[i].file, examples[i].unit, text);
                expected.failback_hold = 60 * USEC_PER_SEC;
                assert_string_equal(o->placement->machine_id, expected.machine_id);
                assert_string_equal(o->placement->machine_of, expected.machine_of);
                assert_string_equal(o->placement->require, expected.require);
                assert_string_equal(o->placement->conflicts, expected.conflicts);
                assert_string_equal(o->placement->replaces, expected.replaces);
                assert_string_equal(o->placement->prefer, "");
                assert_true(o->placement->failback_hold == expected.failback_hold);
                assert_false(o->placement->failback);
                assert_int_equal(o->global, examples[i].global);
        }
}

static void the_names_from_before_fleet_0_8_mean_the_same(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL, *p = NULL, *q = NULL;

        o = read_good(*state, "o.service", "o.service",
                        "[X-Fleet]\nX-ConditionMachineMetadata=a=1\nX-ConditionMachineOf=x.service\nX-Conflicts=y."
                        "service\n");
        assert_string_equal(o->placement->require, "a=1");
        assert_string_equal(o->placement->machine_of, "x.service");
        assert_string_equal(o->placement->conflicts, "y.service");
        p = read_good(*state, "p.service", "p.service", "[X-Fleet]\nX-ConditionMachineID=01234567\n");
        assert_string_equal(p->placement->machine_id, "01234567");
        q = read_good(*state, "q.service", "q.service",
                        "[X-Fleet]\nX-ConditionMachineBootID=01234567-89ab-cdef-0123-456789abcdef\n");
        assert_string_equal(q->placement->machine_id, ID);
}

static void every_word_for_yes_makes_it_global(void **state) {
        static const char *const yes[] = { "true", "yes", "1", "on", "t", "True", "YES", "\"true\"" };
        static const char *const no[] = { "false", "no", "0", "off", "f", "", "true\nGlobal=false" };
        char text[64];

        for (size_t i = 0; i < ELEMENTSOF(yes) + ELEMENTSOF(no); i++) {
                _cleanup_(unit_options_freep) UnitOptions *o = NULL;

                (void) snprintf(text, sizeof(text), "[X-Fleet]\nGlobal=%s\n",
                                i < ELEMENTSOF(yes) ? yes[i] : no[i - ELEMENTSOF(yes)]);
                o = read_good(*state, "o.service", "o.service", text);
                assert_int_equal(o->global, i < ELEMENTSOF(yes));
        }
        assert_refused(*state, "[X-Fleet]\nGlobal=treu\n", "4: Global=treu: expected is yes or no");
}

static void specifiers_stand_for_parts_of_the_units_name(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL, *p = NULL;

        o = read_good(*state, "web@.service", "web@a@1.service",
                        "[X-Fleet]\nMachineOf=%p.socket data-%i.mount old-%n\nConflicts=%p@*.service\n"
                        "MachineMetadata=a=%N b=%i c=100%%\n");
        assert_string_equal(o->placement->machine_of, "web.socket data-a@1.mount old-web@a@1.service");
        assert_string_equal(o->placement->conflicts, "web@*.service");
        assert_string_equal(o->placement->require, "a=web@a@1 b=a@1 c=100%");
        /* A backslash in a name is one in a pattern only if it is doubled. */
        p = read_good(*state, "web@.service", "web@a\\x2db.service",
                        "[X-Leased]\nMachineOf=db@%i.service\nConflicts=old@%i.service\n");
        assert_string_equal(p->placement->machine_of, "db@a\\x2db.service");
        assert_string_equal(p->placement->conflicts, "old@a\\\\x2db.service");
        assert_true(placement_matches(p->placement->conflicts, "old@a\\x2db.service"));
        assert_refused(*state, "[X-Fleet]\nMachineMetadata=hostname=%H\n",
                        "4: MachineMetadata=hostname=%H: expected is a list of key=value, in all shorter than 512 "
                        "characters, "
                        "e.g. region=eu disk=ssd, without comparisons such as ram>=1024; specifiers are %n %N %p %i");
}

/* ---- our section ---- */

static void our_own_section_says_all_of_it_and_more(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL, *p = NULL, *q = NULL;

        o = read_good(*state, "o.service", "o.service",
                        "[X-Leased]\nRequire=region=eu region=us\nPrefer=disk=ssd\nPrefer=rack=a1\nFailback=yes\n"
                        "FailbackSec=5min\nConflicts=p.service\nMachineOf=q.service\n");
        assert_string_equal(o->placement->require, "region=eu region=us");
        assert_string_equal(o->placement->prefer, "disk=ssd rack=a1");
        assert_string_equal(o->placement->conflicts, "p.service");
        assert_string_equal(o->placement->machine_of, "q.service");
        assert_true(o->placement->failback);
        assert_true(o->placement->failback_hold == 300 * USEC_PER_SEC);
        p = read_good(*state, "p.service", "p.service", "[X-Leased]\nMachineID=" ID "\n");
        assert_string_equal(p->placement->machine_id, ID);
        q = read_good(*state, "q.service", "q.service", "[X-Leased]\nGlobal=yes\nRequire=a=b\n");
        assert_true(q->global);
        unit_options_free(o);
        o = read_good(*state, "o.service", "o.service", "[X-Leased]\nFailback=yes\n");
        assert_true(o->placement->failback);
        assert_true(o->placement->failback_hold == 60 * USEC_PER_SEC);
        assert_refused(*state, "[X-Leased]\nFailbackSec=2d\n",
                        "4: FailbackSec=2d: expected is a time span up to 24h, e.g. 60s");
}

static void what_is_avoided_and_what_is_spread_is_read(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL, *p = NULL, *q = NULL;

        o = read_good(*state, "foo@.service", "foo@1.service",
                        "[X-Leased]\nPreferNot=disk=slow\nPreferNot=rack=a%i\nSpread=rack\n");
        assert_string_equal(o->placement->prefer_not, "disk=slow rack=a1");
        assert_string_equal(o->placement->spread, "rack");
        assert_string_equal(o->placement->spread_group, "foo@*.service");
        p = read_good(*state, "web-1.service", "web-1.service", "[X-Leased]\nSpread=dc  web-*.service  x.service\n");
        assert_string_equal(p->placement->spread, "dc");
        assert_string_equal(p->placement->spread_group, "web-*.service x.service");
        q = read_good(*state, "a\\x2db@.service", "a\\x2db@1.service", "[X-Leased]\nSpread=rack\n");
        assert_true(placement_matches(q->placement->spread_group, "a\\x2db@2.service"));
        assert_false(placement_matches(q->placement->spread_group, "ax2db@2.service"));
        unit_options_freep(&q);
        q = read_good(*state, "foo@.service", "foo@1.service", "[X-Leased]\nSpread=rack\nSpread=\n");
        assert_string_equal(q->placement->spread, "");
        assert_string_equal(q->placement->spread_group, "");
        assert_refused(*state, "[X-Leased]\nSpread=ra/ck\n",
                        "4: Spread=ra/ck: expected is a key of metadata, e.g. rack, and behind it, unless the group "
                        "is all "
                        "instances of this template, the units of the group, e.g. rack web-*.service; specifiers are "
                        "%n %N "
                        "%p %i");
        assert_refused(*state, "[X-Leased]\nGlobal=yes\nSpread=rack\n",
                        "4: Global=: cannot stand together with Spread= (/etc/systemd/system/foo@.service:5), remove "
                        "one of "
                        "them");
}

static void a_unit_that_is_no_instance_names_its_group(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL;
        _cleanup_(messages_done) Messages m = {};

        o = read_unit(*state, "plain.service", "plain.service", "[X-Leased]\nSpread=rack\n", &m);
        assert_int_equal(m.n, 1);
        assert_non_null(strstr(m.lines[0], "Spread=rack: expected is a key of metadata"));
}

static void ours_stands_on_top_of_fleets_whichever_file_it_is_in(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL, *p = NULL;
        _cleanup_(messages_done) Messages m = {};
        const char *root = *state;

        fixture_write(root, FILE_OF("o.service"),
                        "[X-Leased]\nGlobal=no\nRequire=disk=ssd\n[X-Fleet]\nMachineMetadata=region=eu\nConflicts=a."
                        "service\n");
        fixture_write(root, FILE_OF("o.service.d/x.conf"),
                        "[X-Fleet]\nGlobal=yes\nMachineMetadata=region=us "
                        "region=eu\n[X-Leased]\nConflicts=b.service\n");
        assert_int_equal(unit_options_preview(root, "o.service", &o, &m), 0);
        assert_messages(&m, NULL);
        assert_false(o->global);
        assert_string_equal(o->placement->require, "region=eu region=us disk=ssd");
        assert_string_equal(o->placement->conflicts, "a.service b.service");

        fixture_write(root, "/etc/leased/units/o.service",
                        "[X-Leased]\nRequire=\nRequire=a=b\nConflicts=\nMachineID=" ID "\n");
        assert_int_equal(unit_options_load(root, "o.service", &p, &m), 0);
        assert_messages(&m, NULL);
        assert_string_equal(p->placement->require, "a=b");
        assert_string_equal(p->placement->conflicts, "");
        assert_string_equal(p->placement->machine_id, ID);
}

static void a_file_that_cannot_be_read_is_told_once(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL;
        _cleanup_(messages_done) Messages m = {};
        size_t size = 1024 * 1024 + 1;
        _cleanup_free_ char *large = malloc(size + 1);

        assert_non_null(large);
        memset(large, '#', size);
        large[size] = '\0';
        fixture_write(*state, FILE_OF("o.service"), "[X-Leased]\nVersion=1\n");
        fixture_write(*state, FILE_OF("o.service.d/x.conf"), large);
        assert_int_equal(unit_options_preview(*state, "o.service", &o, &m), -EBADMSG);
        assert_messages(&m, FILE_OF("o.service.d/x.conf") ": larger than 1 MiB, this is no configuration file", NULL);
        assert_int_equal(o->config.version, 1);
}

static void fleets_section_belongs_into_the_unit_file(void **state) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL;
        _cleanup_(messages_done) Messages m = {};

        fixture_write(*state, "/etc/leased/units/o.service", "[X-Fleet]\nGlobal=true\n");
        assert_int_equal(unit_options_load(*state, "o.service", &o, &m), -EBADMSG);
        assert_messages(&m, "/etc/leased/units/o.service:1: [X-Fleet]: unknown section, only [X-Leased] is read here",
                        NULL);
}

/* ---- what is refused ---- */

static void what_fits_nowhere_is_refused_where_it_stands(void **state) {
        const char *root = *state;
        char text[1024] = "[X-Fleet]\nMachineMetadata=";

        assert_refused(root, "[X-Fleet]\n\nMachineMetadata=\"ram>=1024\"\n",
                        "5: MachineMetadata=\"ram>=1024\": expected is a list of key=value, in all shorter than 512 "
                        "characters, e.g. region=eu disk=ssd, without comparisons such as ram>=1024; specifiers are "
                        "%n %N %p %i");
        assert_refused(root, "[X-Leased]\nPrefer=disk=\n",
                        "4: Prefer=disk=: expected is a list of key=value, in all shorter than 512 characters, e.g. "
                        "region=eu "
                        "disk=ssd, without comparisons such as ram>=1024; specifiers are %n %N %p %i");
        assert_refused(root, "[X-Fleet]\nMachineID=0123456\n",
                        "4: MachineID=0123456: expected is the id of a machine as leasectl machines shows it, or its "
                        "first 8 "
                        "digits or more, lower-case hex; specifiers are %n %N %p %i");
        assert_refused(root, "[X-Fleet]\nMachineID=" ID "0\n",
                        "4: MachineID=" ID
                        "0: expected is the id of a machine as leasectl machines shows it, or its first 8 "
                        "digits or more, lower-case hex; specifiers are %n %N %p %i");
        assert_refused(root, "[X-Fleet]\nMachineOf=ping\n",
                        "4: MachineOf=ping: expected is a list of names of units, in all shorter than 512 characters, "
                        "e.g. "
                        "foo.service; specifiers are %n %N %p %i");
        assert_refused(root, "[X-Fleet]\nConflicts=a.service b\n",
                        "4: Conflicts=a.service b: expected is a list of names of units or patterns of them, in all "
                        "shorter "
                        "than 256 characters, e.g. foo@*.service; specifiers are %n %N %p %i");
        assert_refused(root, "[X-Fleet]\nConflicts=a/*.service\n",
                        "4: Conflicts=a/*.service: expected is a list of names of units or patterns of them, in all "
                        "shorter "
                        "than 256 characters, e.g. foo@*.service; specifiers are %n %N %p %i");
        assert_refused(root, "[X-Fleet]\nMachineMetadat=a=b\n",
                        "4: MachineMetadat=: unknown option in [X-Fleet], did you mean MachineMetadata=?");
        assert_refused(root, "[X-Fleet]\nHardware=a=b\n",
                        "4: Hardware=: unknown option in [X-Fleet], known are MachineID=, MachineOf=, "
                        "MachineMetadata=, "
                        "Conflicts=, Replaces=, Global=, X-ConditionMachineID=, X-ConditionMachineBootID=, "
                        "X-ConditionMachineOf=, X-ConditionMachineMetadata=, X-Conflicts=");
        assert_refused(root, "[X-Fleet]\nmachineof=a.service\n", "4: machineof=: unknown option, write it MachineOf=");
        for (unsigned i = 0; i < 64; i++)
                (void) snprintf(text + strlen(text), sizeof(text) - strlen(text), " key%02u=v", i);
        {
                _cleanup_(unit_options_freep) UnitOptions *o = read_good(root, "foo.service", "foo.service", text);

                assert_int_equal(strlen(o->placement->require), 64 * strlen("key00=v ") - 1);
        }
        strcat(text, " key64=v");
        {
                _cleanup_(unit_options_freep) UnitOptions *o = NULL;
                _cleanup_(messages_done) Messages m = {};

                o = read_unit(root, "foo.service", "foo.service", text, &m);
                assert_int_equal(m.n, 1);
                assert_string_equal(o->placement->require, "");
        }
}

static void what_contradicts_itself_is_refused_across_both_sections(void **state) {
        static const struct {
                const char *sections, *expected;
        } pairs[] = {
                { "[X-Fleet]\nMachineID=01234567\nMachineOf=a.service\n",
                                "4: MachineID=: cannot stand together with MachineOf= (U:5), remove one of "
                                "them" },
                { "[X-Fleet]\nX-Conflicts=a.service\nX-ConditionMachineID=01234567\n",
                                "5: X-ConditionMachineID=: cannot stand together with X-Conflicts= (U:4), "
                                "remove one "
                                "of them" },
                { "[X-Leased]\nMachineID=01234567\n[X-Fleet]\nGlobal=true\n",
                                "4: MachineID=: cannot stand together with Global= (U:6), remove one of them" },
                { "[X-Fleet]\nX-ConditionMachineBootID=" ID "\n[X-Leased]\nReplaces=a.service\n",
                                "4: X-ConditionMachineBootID=: cannot stand together with Replaces= (U:6), "
                                "remove one "
                                "of them" },
                { "[X-Fleet]\nGlobal=true\nMachineOf=a.service\n",
                                "4: Global=: cannot stand together with MachineOf= (U:5), remove one of them" },
                { "[X-Fleet]\nGlobal=true\nReplaces=a.service\n",
                                "4: Global=: cannot stand together with Replaces= (U:5), remove one of them" },
                { "[X-Fleet]\nReplaces=a.service\n[X-Leased]\nConflicts=b.service\n",
                                "6: Conflicts=: cannot stand together with Replaces= (U:4), remove one of "
                                "them" },
                { "[X-Fleet]\nGlobal=true\n[X-Leased]\nPrefer=a=b\n",
                                "4: Global=: cannot stand together with Prefer= (U:6), remove one of them" },
                { "[X-Leased]\nGlobal=true\nLease=a\n",
                                "5: Lease=: cannot stand together with Global=, which needs none, remove it" },
                { "[X-Fleet]\nMachineOf=b.service\nMachineOf=a.service\nConflicts=a*\n",
                                "5: MachineOf=a.service: Conflicts= (U:6) keeps it away from that unit, "
                                "remove one of "
                                "them" },
                { "[X-Fleet]\nMachineOf=a.service\nReplaces=a.service\n",
                                "4: MachineOf=a.service: Replaces= (U:5) drives that unit away, remove one of "
                                "them" },
                { "[X-Leased]\nMachineOf=%n\n", "4: MachineOf=foo@1.service: is this unit itself, name another one" },
        };

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                const char *u = strstr(pairs[i].expected, "U:");
                char expected[512];

                if (u)
                        (void) snprintf(expected, sizeof(expected), "%.*s" FILE_OF("foo@.service") "%s",
                                        (int) (u - pairs[i].expected), pairs[i].expected, u + 1);
                else
                        str_copy(expected, sizeof(expected), pairs[i].expected);
                assert_refused(*state, pairs[i].sections, expected);
        }
}

/* fleet has let these stand together since its 1.0, and a unit may be kept away from its own kind. */
static void what_fleet_lets_stand_together_is_not_refused(void **state) {
        static const char *const good[] = {
                "[X-Fleet]\nMachineID=01234567\nMachineMetadata=a=b\n",
                "[X-Fleet]\nGlobal=yes\nMachineMetadata=a=b\nConflicts=x.service\n",
                "[X-Fleet]\nConflicts=foo@*.service\nMachineOf=x.service\nMachineMetadata=a=b\n",
                "[X-Fleet]\nReplaces=y.service\nMachineOf=x.service\nMachineMetadata=a=b\n",
                "[X-Fleet]\nMachineID=01234567\n[X-Leased]\nPrefer=a=b\nFailback=yes\n",
                "[X-Fleet]\nMachineID=01234567\nConflicts=x.service\n[X-Leased]\nConflicts=\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                unit_options_free(read_good(*state, "foo@.service", "foo@1.service", good[i]));
}

/* Otherwise a slip of the pen could let a unit run twice, or stop one that runs everywhere. */
static void a_unit_of_which_it_is_in_doubt_whether_it_is_global_is_not_guessed_at(void **state) {
        static const char *const doubtful[] = {
                "[X-Fleet]\nGlobal=ture\n",
                "[X-Leased]\nGlobal=ture\n",
                "[X-Fleet]\nGlobal=yes\nMachineID=01234567\n",
                "[X-Fleet]\nGlobal=yes\n[X-Leased]\nLease=a\n",
        };
        _cleanup_(unit_options_freep) UnitOptions *sure = NULL;
        _cleanup_(messages_done) Messages m = {};

        for (size_t i = 0; i < ELEMENTSOF(doubtful); i++) {
                _cleanup_(messages_done) Messages told = {};

                assert_null(read_unit(*state, "foo.service", "foo.service", doubtful[i], &told));
                assert_int_equal(told.n, 1);
        }
        sure = read_unit(*state, "foo.service", "foo.service", "[X-Fleet]\nGlobal=ture\n[X-Leased]\nGlobal=no\n", &m);
        assert_non_null(sure);
        assert_false(sure->global);
}

/* With the default for the bad line it would run where it must not. */
static void a_unit_of_which_it_is_in_doubt_where_it_may_run_says_so(void **state) {
        static const struct {
                const char *sections;
                bool doubtful;
        } table[] = {
                { "[X-Leased]\nRequire=disk\n", true },
                { "[X-Fleet]\nX-ConditionMachineID=01\n", true },
                { "[X-Leased]\nPrefer=disk\n", false },
                { "[X-Leased]\nStopGraceSec=soon\n", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(unit_options_freep) UnitOptions *o = NULL;
                _cleanup_(messages_done) Messages told = {};

                o = read_unit(*state, "foo.service", "foo.service", table[i].sections, &told);
                assert_non_null(o);
                assert_int_equal(told.n, 1);
                assert_int_equal(o->config.doubtful, table[i].doubtful);
        }
}

static void metadata_are_told_key_by_key(void **state) {
        static const char list[] = "disk=ssd region=eu disk=nvme broken empty= =x region=us";
        char key[METADATA_SIZE], values[METADATA_SIZE];
        size_t cursor = 0;

        assert_true(metadata_next(list, &cursor, key, values));
        assert_string_equal(key, "disk");
        assert_string_equal(values, "ssd nvme");
        assert_true(metadata_next(list, &cursor, key, values));
        assert_string_equal(key, "region");
        assert_string_equal(values, "eu us");
        assert_true(metadata_next(list, &cursor, key, values));
        assert_string_equal(key, "empty");
        assert_string_equal(values, "");
        assert_false(metadata_next(list, &cursor, key, values));
        cursor = 0;
        assert_false(metadata_next("", &cursor, key, values));
}

#define with_root(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_root(what_fleets_examples_say_is_taken_as_it_stands),
                with_root(the_names_from_before_fleet_0_8_mean_the_same),
                with_root(every_word_for_yes_makes_it_global),
                with_root(specifiers_stand_for_parts_of_the_units_name),
                with_root(our_own_section_says_all_of_it_and_more),
                with_root(what_is_avoided_and_what_is_spread_is_read),
                with_root(a_unit_that_is_no_instance_names_its_group),
                with_root(ours_stands_on_top_of_fleets_whichever_file_it_is_in),
                with_root(a_file_that_cannot_be_read_is_told_once),
                with_root(fleets_section_belongs_into_the_unit_file),
                with_root(what_fits_nowhere_is_refused_where_it_stands),
                with_root(what_contradicts_itself_is_refused_across_both_sections),
                with_root(what_fleet_lets_stand_together_is_not_refused),
                with_root(a_unit_of_which_it_is_in_doubt_whether_it_is_global_is_not_guessed_at),
                with_root(a_unit_of_which_it_is_in_doubt_where_it_may_run_says_so),
                cmocka_unit_test(metadata_are_told_key_by_key),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
