/* SPDX-License-Identifier: Apache-2.0 */
#include "conf-fixture.h"

#define CONF "/etc/leased/leased.conf"

static int load(const char *root, const char *text, LeasedConf **ret, Messages *m) {
        fixture_write(root, CONF, text);
        return leased_conf_load(root, ret, m);
}

static void without_files_the_defaults_hold(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL;
        _cleanup_(messages_done) Messages m = {};

        assert_int_equal(leased_conf_load(*state, &c, &m), 0);
        assert_messages(&m, NULL);
        assert_string_equal(c->registry, "local");
        assert_string_equal(c->directory, "/var/lib/leased/registry");
        assert_string_equal(c->prefix, "/leased/");
        assert_string_equal(c->metadata, "");
        assert_true(c->ttl == 10 * USEC_PER_SEC);
        assert_true(c->compact);
        assert_null(c->endpoints);
        assert_null(c->machine_id);
        assert_null(c->ca_file);
}

static void etcd_with_everything_is_read(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL;
        _cleanup_(messages_done) Messages m = {};
        const char *root = *state;
        char path[128];

        fixture_write(root, "/ca", "x");
        fixture_write(root, "/cert", "x");
        fixture_write(root, "/key", "x");
        fixture_write(root, "/password", "x");
        (void) snprintf(path, sizeof(path), "%s/key", root);
        assert_int_equal(chmod(path, 0600), 0);
        (void) snprintf(path, sizeof(path), "%s/password", root);
        assert_int_equal(chmod(path, 0640), 0);
        assert_int_equal(
                        load(root,
                                        "[Leased]\n"
                                        "Registry=etcd\n"
                                        "Endpoints=https://a.example:2379/ \\\n"
                                        "  https://[fd00::1]:2379\n"
                                        "Prefix=/teams/blue\n"
                                        "CAFile=/ca\nCertFile=/cert\nKeyFile=/key\nUser=blue\nPasswordFile=/password\n"
                                        "Metadata=region=eu  rack=a1\n"
                                        "TTL=2s 500ms\n"
                                        "MachineID=0123456789abcdef0123456789abcdef\n"
                                        "Compact=no\n",
                                        &c, &m),
                        0);
        assert_messages(&m, NULL);
        assert_string_equal(c->registry, "etcd");
        assert_string_equal(c->endpoints[0], "https://a.example:2379");
        assert_string_equal(c->endpoints[1], "https://[fd00::1]:2379");
        assert_null(c->endpoints[2]);
        assert_string_equal(c->prefix, "/teams/blue/");
        assert_string_equal(c->metadata, "region=eu rack=a1");
        assert_true(c->ttl == 2500 * USEC_PER_MSEC);
        assert_false(c->compact);
        assert_string_equal(c->user, "blue");

        char id[33];
        assert_int_equal(leased_machine_id(c, id), 0);
        assert_string_equal(id, "0123456789abcdef0123456789abcdef");
}

static void drop_ins_win_over_the_file_in_the_order_of_their_names(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL;
        _cleanup_(messages_done) Messages m = {};

        fixture_write(*state, CONF ".d/20-b.conf", "[Leased]\nTTL=20s\n");
        fixture_write(*state, CONF ".d/10-a.conf", "[Leased]\nTTL=5s\nRegistry=local:/srv/registry\n");
        fixture_write(*state, CONF ".d/30-c.conf.bak", "[Leased]\nTTL=30s\n");
        fixture_write(*state, CONF ".d/.conf", "[Leased]\nTTL=40s\n");
        assert_int_equal(load(*state, "[Leased]\nTTL=3s\nMetadata=a=b\n", &c, &m), 0);
        assert_true(c->ttl == 20 * USEC_PER_SEC);
        assert_string_equal(c->directory, "/srv/registry");
        assert_string_equal(c->metadata, "a=b");
}

static void a_bad_file_leaves_the_caller_what_it_had(void **state) {
        _cleanup_(messages_done) Messages m = {};
        LeasedConf *c = (LeasedConf *) 1;

        fixture_write(*state, CONF ".d/x.conf", "[Leased]\nTTL=4s\nTTl=4s\n[Leases]\n");
        assert_int_equal(load(*state,
                                         "[Leased]\n"
                                         "Registry=zookeeper\n"
                                         "TTL=999ms\n"
                                         "TTL=61s\n"
                                         "Prefix=leased\n"
                                         "Metadata=region\n"
                                         "Metadata=region=\xff\n"
                                         "MachineID=ABC\n"
                                         "Compact=yes\n"
                                         "CAFile=ca.pem\n"
                                         "Endpoints=http://a\n"
                                         "Endpoints=a:2379\n"
                                         "Endpoints=http://user@a:2379\n"
                                         "Endpoints=http://a:2379/path\n"
                                         "Endpoints=http://a:99999\n"
                                         "MachineID=00000000000000000000000000000000\n",
                                         &c, &m),
                        -EBADMSG);
        assert_ptr_equal(c, (LeasedConf *) 1);
#define ENDPOINTS_RIGHT                                                                                               \
        ": expected is a list of http://HOST:PORT or https://HOST:PORT, e.g. http://10.0.0.1:2379 "                   \
        "http://10.0.0.2:2379"
        assert_messages(&m, CONF ":2: Registry=zookeeper: expected is local, local:/DIRECTORY or etcd",
                        CONF ":3: TTL=999ms: expected is a time span from 1s to 60s in whole milliseconds, e.g. 10s",
                        CONF ":4: TTL=61s: expected is a time span from 1s to 60s in whole milliseconds, e.g. 10s",
                        CONF ":5: Prefix=leased: expected is an absolute key without spaces, e.g. /leased/",
                        CONF ":6: Metadata=region: expected is a list of key=value with less than 512 characters, "
                             "e.g. region=eu rack=a1",
                        CONF ":7: Metadata=region=?: expected is a list of key=value with less than 512 characters, "
                             "e.g. region=eu rack=a1",
                        CONF ":8: MachineID=ABC: expected is 32 lower-case hex digits, not all zero (as systemd-id128 "
                             "new prints them), or nothing",
                        CONF ":9: Compact=yes: expected is auto or no",
                        CONF ":10: CAFile=ca.pem: expected is the absolute path of a file",
                        CONF ":11: Endpoints=http://a" ENDPOINTS_RIGHT, CONF ":12: Endpoints=a:2379" ENDPOINTS_RIGHT,
                        CONF ":13: Endpoints=http://user@a:2379" ENDPOINTS_RIGHT,
                        CONF ":14: Endpoints=http://a:2379/path" ENDPOINTS_RIGHT,
                        CONF ":15: Endpoints=http://a:99999" ENDPOINTS_RIGHT,
                        CONF ":16: MachineID=00000000000000000000000000000000: expected is 32 lower-case hex digits, "
                             "not all zero (as systemd-id128 new prints them), or nothing",
                        CONF ".d/x.conf:3: TTl=: unknown option, write it TTL=",
                        CONF ".d/x.conf:4: [Leases]: unknown section, only [Leased] is read here", NULL);
}

static void options_that_contradict_are_named_by_line(void **state) {
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "[Leased]\nRegistry=etcd\n", CONF ":2: Registry=etcd: Endpoints= is missing, e.g. "
                                                    "Endpoints=http://10.0.0.1:2379" },
                { "[Leased]\nEndpoints=http://a:2379\n", CONF ":2: Endpoints=: only with Registry=etcd" },
                { "[Leased]\nRegistry=etcd\nEndpoints=https://a:2379\n",
                                CONF ":3: Endpoints=https://a:2379: https needs CAFile=, e.g. "
                                     "CAFile=/etc/leased/ca.pem" },
                { "[Leased]\nRegistry=etcd\nEndpoints=https://a:2379 http://b:2379\n",
                                CONF ":3: Endpoints=: either all with http or all with https" },
                { "[Leased]\nRegistry=etcd\nEndpoints=http://a:2379\nCAFile=/ca\n",
                                CONF ":4: CAFile=: has no effect on http, write https in Endpoints=" },
                { "[Leased]\nRegistry=etcd\nEndpoints=http://a:2379\nUser=u\n",
                                CONF ":4: User=: only together with PasswordFile=" },
                { "[Leased]\nRegistry=etcd\nEndpoints=https://a:2379\nCAFile=/ca\nCertFile=/ca\n",
                                CONF ":5: CertFile=: only together with KeyFile=" },
                { "[Leased]\nRegistry=etcd\nEndpoints=https://a:2379\nCAFile=/nowhere\n",
                                CONF ":4: CAFile=/nowhere: No such file or directory" },
                { "[Leased]\nRegistry=etcd\nEndpoints=https://a:2379\nCAFile=/etc\n",
                                CONF ":4: CAFile=/etc: not a regular file" },
                { "[Leased]\nRegistry=etcd\nEndpoints=http://a:2379\nUser=u\nPasswordFile=/ca\n",
                                CONF ":5: PasswordFile=/ca: open to everybody on this machine, close it: "
                                     "chmod 0600 /ca" },
        };

        fixture_write(*state, "/ca", "x"); /* mode 0644 */
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(messages_done) Messages m = {};
                LeasedConf *c = NULL;

                assert_int_equal(load(*state, cases[i].text, &c, &m), -EBADMSG);
                assert_messages(&m, cases[i].message, NULL);
        }
}

static void machines_may_beat_more_often(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL, *again = NULL, *plain = NULL;
        _cleanup_(messages_done) Messages m = {};
        _cleanup_free_ char *text = NULL;
        LeasedConf *bad = NULL;
        size_t size;
        FILE *f;

        assert_int_equal(
                        load(*state, "[Leased]\nTTL=30s\nBeatSec=300ms\nFenceCommand=/sbin/off\nFenceAfterSec=600ms\n",
                                        &c, &m),
                        0);
        assert_true(c->beat == 300 * USEC_PER_MSEC && c->fence_after == 600 * USEC_PER_MSEC);
        f = open_memstream(&text, &size);
        assert_int_equal(leased_conf_dump(c, f), 0);
        fclose(f);
        assert_int_equal(load(*state, text, &again, &m), 0);
        assert_true(again->beat == c->beat);
        assert_int_equal(load(*state, "[Leased]\nTTL=30s\n", &plain, &m), 0);
        assert_true(plain->beat == 0 && plain->fence_after == 15 * USEC_PER_SEC);

        assert_int_equal(load(*state, "[Leased]\nBeatSec=100ms\nTTL=10s\nBeatSec=2100ms\n", &bad, &m), -EBADMSG);
        assert_messages(&m,
                        CONF ":2: BeatSec=100ms: expected is a time span from 200ms to a fifth of TTL= in whole "
                             "milliseconds, e.g. 1s",
                        CONF ":4: BeatSec=: must be at most a fifth of TTL=, e.g. 2000ms", NULL);
        messages_done(&m);
        assert_int_equal(load(*state,
                                         "[Leased]\nTTL=30s\nBeatSec=1s\nFenceCommand=/sbin/off\n"
                                         "FenceAfterSec=1900ms\n",
                                         &bad, &m),
                        -EBADMSG);
        assert_messages(&m,
                        CONF
                        ":5: FenceAfterSec=: must be at least twice BeatSec= (1000ms) and below TTL=, e.g. 15000ms",
                        NULL);
}

static void a_command_that_switches_machines_off_has_its_times(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL, *again = NULL, *none = NULL;
        _cleanup_(messages_done) Messages m = {};
        _cleanup_free_ char *text = NULL;
        LeasedConf *bad = NULL;
        size_t size;
        FILE *f;

        assert_int_equal(load(*state, "[Leased]\nFenceCommand=/sbin/off \"at once\" -v\nTTL=20s\n", &c, &m), 0);
        assert_string_equal(c->fence_command, "/sbin/off \"at once\" -v");
        assert_true(c->fence_after == 10 * USEC_PER_SEC && c->fence_timeout == 20 * USEC_PER_SEC);
        f = open_memstream(&text, &size);
        assert_int_equal(leased_conf_dump(c, f), 0);
        fclose(f);
        assert_int_equal(load(*state, text, &again, &m), 0);
        assert_string_equal(again->fence_command, c->fence_command);
        assert_true(again->fence_after == c->fence_after && again->fence_timeout == c->fence_timeout);

        assert_int_equal(load(*state,
                                         "[Leased]\nFenceCommand=off\nFenceAfterSec=1s\nFenceTimeoutSec=0\n"
                                         "FenceAfterSec=2h\n",
                                         &bad, &m),
                        -EBADMSG);
        assert_messages(&m, CONF ":2: FenceCommand=off: expected is the absolute path of a program, and its arguments",
                        CONF ":4: FenceTimeoutSec=0: expected is a time span above 0 and up to 1h, e.g. 20s",
                        CONF ":5: FenceAfterSec=2h: expected is a time span above 0 and up to 1h, e.g. 20s",
                        CONF ":3: FenceAfterSec=: only together with FenceCommand=",
                        CONF
                        ":3: FenceAfterSec=: must be at least twice BeatSec= (2000ms) and below TTL=, e.g. 5000ms",
                        NULL);
        messages_done(&m);
        assert_int_equal(load(*state, "[Leased]\n", &none, &m), 0);
        assert_null(none->fence_command);
}

static void a_signer_may_submit_what_the_list_says(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL, *none = NULL;
        _cleanup_(messages_done) Messages m = {};
        LeasedConf *bad = NULL;

        assert_int_equal(load(*state,
                                         "[Leased]\nAcceptUnits=run\nAllowedUnits=a@x:web-*.service b@x:* "
                                         "a@x:db.service\n",
                                         &c, &m),
                        0);
        assert_int_equal(c->accept_units, ACCEPT_RUN);
        assert_true(leased_conf_may_submit(c, "a@x", "web-1.service"));
        assert_true(leased_conf_may_submit(c, "a@x", "db.service"));
        assert_true(leased_conf_may_submit(c, "b@x", "db.service"));
        assert_false(leased_conf_may_submit(c, "a@x", "dbx.service"));
        assert_false(leased_conf_may_submit(c, "a@", "db.service"));
        assert_false(leased_conf_may_submit(c, "c@x", "db.service"));
        assert_false(leased_conf_may_submit(c, "", "db.service"));

        assert_int_equal(load(*state, "[Leased]\n", &none, &m), 0);
        assert_int_equal(none->accept_units, ACCEPT_NO);
        assert_true(leased_conf_may_submit(none, "c@x", "db.service"));
        assert_int_equal(load(*state, "[Leased]\nAcceptUnits=true\nAllowedUnits=a@x\n", &bad, &m), -EBADMSG);
        assert_messages(&m, CONF ":2: AcceptUnits=true: expected is no, run, etc or yes",
                        CONF ":3: AllowedUnits=a@x: expected is a list of SIGNER:UNITS, e.g. "
                             "alice@example.com:web-*.service",
                        NULL);
}

static void fleets_registry_is_a_list_of_urls_and_a_prefix(void **state) {
        static const char *const wrong[] = { "etcd:http://a:1", "etcd2:", "etcd2:/p/", "etcd2:http://a",
                "etcd2:http://a:1/p/", "etcd2:/p/ http://a:1", "etcd2:http://u:p@a:1", "etcd2:http://a:1 /p//q/",
                "http://a:1", "etcd2:ftp://a:1" };
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL, *d = NULL, *none = NULL;
        _cleanup_(messages_done) Messages m = {};

        assert_int_equal(load(*state, "[Leased]\nLeaseRegistry=etcd2:http://a:1 http://b:2\n", &c, &m), 0);
        assert_string_equal(c->lease_endpoints[1], "http://b:2");
        assert_string_equal(c->lease_prefix, "/_coreos.com/fleet/");
        assert_int_equal(load(*state, "[Leased]\nLeaseRegistry=etcd2:http://a:1 /p\n", &d, &m), 0);
        assert_null(d->lease_endpoints[1]);
        assert_string_equal(d->lease_prefix, "/p/");
        assert_int_equal(load(*state, "[Leased]\nLeaseRegistry=etcd2:http://a:1\nLeaseRegistry=\n", &none, &m), 0);
        assert_null(none->lease_endpoints);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                _cleanup_(messages_done) Messages said = {};
                char text[128];
                LeasedConf *bad = NULL;

                (void) snprintf(text, sizeof(text), "[Leased]\nLeaseRegistry=%s\n", wrong[i]);
                assert_int_equal(load(*state, text, &bad, &said), -EBADMSG);
                assert_non_null(strstr(said.lines[0], "expected is etcd2: and a list of http://HOST:PORT"));
        }
        assert_int_equal(load(*state, "[Leased]\nLeaseRegistry=etcd2:https://a:1\n", &none, &m), -EBADMSG);
        assert_messages(&m, CONF ":2: LeaseRegistry=: https needs the CAFile= of Registry=etcd", NULL);
}

static void what_is_dumped_reads_back_the_same(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL, *again = NULL;
        _cleanup_(messages_done) Messages m = {};
        _cleanup_free_ char *first = NULL, *second = NULL;
        size_t size;
        FILE *f;

        assert_int_equal(load(*state,
                                         "[Leased]\nRegistry=etcd\nEndpoints=http://a:1 http://b:2\nPrefix=/x\n"
                                         "Metadata=a=b c=d\nTTL=2500ms\nAcceptUnits=etc\nAllowedUnits=a@x:* b@x:c\n"
                                         "LeaseRegistry=etcd2:http://a:1 http://b:2 /p/\n",
                                         &c, &m),
                        0);
        f = open_memstream(&first, &size);
        assert_int_equal(leased_conf_dump(c, f), 0);
        fclose(f);
        assert_int_equal(load(*state, first, &again, &m), 0);
        f = open_memstream(&second, &size);
        assert_int_equal(leased_conf_dump(again, f), 0);
        fclose(f);
        assert_string_equal(first, second);
        assert_non_null(strstr(first, "Endpoints=http://a:1 http://b:2\n"));
}

static void a_value_that_needs_quotes_is_dumped_with_them(void **state) {
        static const char *const values[] = { "\" u \"", "\"u\\\"", "'\"u\"'", "\"'u'\"", "\"a\"b'c\"", "u",
                "\"\"u\"" };
        char path[128];

        fixture_write(*state, "/password", "x");
        (void) snprintf(path, sizeof(path), "%s/password", (const char *) *state);
        assert_int_equal(chmod(path, 0600), 0);
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                _cleanup_(leased_conf_freep) LeasedConf *c = NULL, *again = NULL;
                _cleanup_(messages_done) Messages m = {};
                _cleanup_free_ char *text = NULL, *dump = NULL;
                size_t size;
                FILE *f;

                assert_true(asprintf(&text,
                                            "[Leased]\nRegistry=etcd\nEndpoints=http://a:1\nUser=%s\n"
                                            "PasswordFile=/password\n",
                                            values[i]) > 0);
                assert_int_equal(load(*state, text, &c, &m), 0);
                f = open_memstream(&dump, &size);
                assert_int_equal(leased_conf_dump(c, f), 0);
                fclose(f);
                assert_int_equal(load(*state, dump, &again, &m), 0);
                assert_string_equal(c->user, again->user);
        }
}

static void files_are_looked_for_where_systemd_does(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL, *masked = NULL;
        _cleanup_(messages_done) Messages m = {};

        fixture_write(*state, "/usr/lib/leased/leased.conf", "[Leased]\nTTL=30s\nMetadata=of=vendor\n");
        fixture_write(*state, "/run/leased/leased.conf", "[Leased]\nTTL=20s\n");
        fixture_write(*state, "/usr/lib/leased/leased.conf.d/10-a.conf", "[Leased]\nMetadata=of=lib\nPrefix=/lib\n");
        fixture_write(*state, "/usr/local/lib/leased/leased.conf.d/20-b.conf", "[Leased]\nMetadata=of=local\n");
        fixture_write(*state, CONF ".d/10-a.conf", "[Leased]\nRegistry=local:/etc/wins\n");
        fixture_write(*state, "/run/leased/leased.conf.d/30-c.conf", "[Leased]\nRegistry=local:/run/is/later\n");
        assert_int_equal(leased_conf_load(*state, &c, &m), 0);
        assert_int_equal(c->ttl, 20 * USEC_PER_SEC); /* one leased.conf is read */
        assert_string_equal(c->ttl_where, "/run/leased/leased.conf:2");
        assert_string_equal(c->metadata, "of=local");
        assert_string_equal(c->prefix, "/leased/"); /* 10-a.conf of /etc stands in for that of /usr/lib */
        assert_string_equal(c->directory, "/run/is/later");

        fixture_write(*state, CONF ".d/20-b.conf", "");
        fixture_link(*state, CONF ".d/30-c.conf", "/dev/null");
        fixture_link(*state, CONF, "/dev/null");
        assert_int_equal(leased_conf_load(*state, &masked, &m), 0);
        assert_int_equal(masked->ttl, 10 * USEC_PER_SEC);
        assert_string_equal(masked->metadata, "");
        assert_string_equal(masked->directory, "/etc/wins");
}

static void the_machine_id_is_derived_and_stable(void **state) {
        _cleanup_free_ char *plain = NULL;
        char one[33], two[33];

        if (read_file("/etc/machine-id", 64, &plain, NULL) < 0 || strlen(plain) < 32)
                skip(); /* this machine has none */
        assert_int_equal(leased_machine_id(NULL, one), 0);
        assert_int_equal(leased_machine_id(NULL, two), 0);
        assert_string_equal(one, two);
        assert_int_equal(strspn(one, "0123456789abcdef"), 32);
        assert_memory_not_equal(one, plain, 32);
}

#define with_root(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_root(without_files_the_defaults_hold),
                with_root(etcd_with_everything_is_read),
                with_root(drop_ins_win_over_the_file_in_the_order_of_their_names),
                with_root(files_are_looked_for_where_systemd_does),
                with_root(a_value_that_needs_quotes_is_dumped_with_them),
                with_root(a_bad_file_leaves_the_caller_what_it_had),
                with_root(options_that_contradict_are_named_by_line),
                with_root(a_signer_may_submit_what_the_list_says),
                with_root(fleets_registry_is_a_list_of_urls_and_a_prefix),
                with_root(what_is_dumped_reads_back_the_same),
                with_root(machines_may_beat_more_often),
                with_root(a_command_that_switches_machines_off_has_its_times),
                cmocka_unit_test(the_machine_id_is_derived_and_stable),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
