/* SPDX-License-Identifier: Apache-2.0 */

/* Where the options of leased.conf come from: lines of files, defaults, and credentials of leased.service. */

#include "conf-fixture.h"

#define CONF "/etc/leased/leased.conf"
#define UNIT "/usr/lib/systemd/system/leased.service"
#define DROPIN "/etc/systemd/system/leased.service.d/etcd.conf"
#define HTTPS "[Leased]\nRegistry=etcd\nEndpoints=https://a:2379\n"

/* Looks for one option among all, which are told as lines. */
typedef struct Told {
        const char *option;
        char line[256];
        unsigned n;
} Told;

static void tell(const char *option, const char *value, const char *where, void *userdata) {
        Told *t = userdata;

        t->n++;
        if (streq(option, t->option))
                (void) snprintf(t->line, sizeof(t->line), "%s < %s", value, where ?: "default");
}

static void assert_told(const LeasedConf *c, const char *option, const char *expected) {
        Told t = { .option = option };

        assert_int_equal(leased_conf_each(c, tell, &t), 0);
        assert_int_equal(t.n, LEASED_CONF_OPTIONS);
        assert_string_equal(t.line, expected);
}

static void each_option_is_told_with_the_line_that_set_it(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL;
        _cleanup_(messages_done) Messages m = {};

        fixture_write(*state, "/usr/lib/leased/leased.conf", "[Leased]\nMetadata=of=vendor\n");
        fixture_write(*state, CONF, "[Leased]\nTTL=3s\nPrefix=/x\n");
        fixture_write(*state, CONF ".d/20-b.conf",
                        "[Leased]\n# two members\nRegistry=etcd\nEndpoints=http://a:1 \\\n  http://b:2\nPrefix=\n");
        fixture_write(*state, "/run/leased/leased.conf.d/30-c.conf", "[Leased]\nTTL=2500ms\n");
        assert_int_equal(leased_conf_load(*state, &c, &m), 0);
        assert_told(c, "Registry", "etcd < " CONF ".d/20-b.conf:3");
        assert_told(c, "Endpoints", "http://a:1 http://b:2 < " CONF ".d/20-b.conf:4");
        assert_told(c, "Prefix", "/leased/ < default");
        assert_told(c, "TTL", "2500ms < /run/leased/leased.conf.d/30-c.conf:2");
        assert_told(c, "Metadata", " < default");
        assert_told(c, "PasswordFile", " < default");
        assert_told(c, "Compact", "auto < default");
}

static void the_files_are_told_in_their_order(void **state) {
        _cleanup_(strv_freep) char **files = NULL, **none = NULL;
        _cleanup_(messages_done) Messages m = {};

        assert_int_equal(leased_conf_files(*state, &none, &m), 0);
        assert_null(none);
        fixture_write(*state, CONF ".d/20-b.conf", "[Leased]\n");
        fixture_write(*state, CONF ".d/40-d.conf", "");
        fixture_write(*state, "/usr/lib/leased/leased.conf.d/10-a.conf", "[Leased]\n");
        fixture_write(*state, "/usr/lib/leased/leased.conf.d/20-b.conf", "[Leased]\n");
        fixture_write(*state, "/usr/local/lib/leased/leased.conf", "[Leased]\n");
        assert_int_equal(leased_conf_files(*state, &files, &m), 0);
        assert_string_equal(files[0], "/usr/local/lib/leased/leased.conf");
        assert_string_equal(files[1], "/usr/lib/leased/leased.conf.d/10-a.conf");
        assert_string_equal(files[2], CONF ".d/20-b.conf");
        assert_null(files[3]);
        assert_messages(&m, NULL);
}

/* ---- credentials ---- */

static void give_secret(const char *root, const char *path) {
        _cleanup_free_ char *full = NULL;

        fixture_write(root, path, "secret\n");
        assert_true(asprintf(&full, "%s%s", root, path) > 0);
        assert_int_equal(chmod(full, 0400), 0);
}

static void within_the_service_a_credential_is_what_is_there(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL, *none = NULL;
        _cleanup_(messages_done) Messages m = {}, missing = {};

        fixture_write(*state, CONF, HTTPS "User=leased\nCertFile=/cert\n");
        fixture_write(*state, "/cert", "x");
        give_secret(*state, "/given/leased.etcd-ca");
        give_secret(*state, "/given/leased.etcd-key");
        give_secret(*state, "/given/leased.etcd-password");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/given", true), 0);
        assert_int_equal(leased_conf_load_in_service(*state, &c, &m), 0);
        assert_messages(&m, NULL);
        assert_string_equal(c->ca_file, "/given/leased.etcd-ca");
        assert_string_equal(c->cert_file, "/cert");
        assert_string_equal(c->key_file, "/given/leased.etcd-key");
        assert_string_equal(c->password_file, "/given/leased.etcd-password");
        assert_told(c, "PasswordFile", "/given/leased.etcd-password < credential leased.etcd-password");
        assert_told(c, "CertFile", "/cert < " CONF ":5");

        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        assert_int_equal(leased_conf_load_in_service(*state, &none, &missing), -EBADMSG);
        assert_messages(&missing,
                        CONF ":3: Endpoints=https://a:2379: https needs CAFile=, e.g. CAFile=/etc/leased/ca.pem",
                        CONF ":5: CertFile=: only together with KeyFile=",
                        CONF ":4: User=: only together with PasswordFile=", NULL);
}

static void an_option_wins_over_a_credential(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL;
        _cleanup_(messages_done) Messages m = {};

        fixture_write(*state, CONF, HTTPS "CAFile=/ca\nUser=leased\nPasswordFile=/password\n");
        fixture_write(*state, "/ca", "x");
        give_secret(*state, "/password");
        give_secret(*state, "/given/leased.etcd-password");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/given", true), 0);
        assert_int_equal(leased_conf_load_in_service(*state, &c, &m), 0);
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        assert_string_equal(c->password_file, "/password");
        assert_told(c, "PasswordFile", "/password < " CONF ":6");
}

static void elsewhere_a_credential_is_what_the_unit_file_says(void **state) {
        static const struct {
                const char *service;
                bool password, key;
        } cases[] = {
                { "LoadCredential=leased.etcd-password:/given/password\n", true, false },
                { "LoadCredential=leased.etcd-password\nSetCredentialEncrypted=leased.etcd-key: \\\n  abc= \\\n  "
                  "def\n",
                                true, true },
                { "LoadCredentialEncrypted=leased.etcd-key:/a\nSetCredential=leased.etcd-password:x\n", true, true },
                { "ImportCredential=leased.*\n", true, true },
                { "LoadCredential=leased.etcd-passwords:/given/password\nImportCredential=other.*\n", false, false },
                { "LoadCredential=leased.etcd-password\nLoadCredential=\n", false, false },
        };

        fixture_write(*state, CONF, HTTPS "CAFile=/ca\n");
        fixture_write(*state, "/ca", "x");
        fixture_write(*state, UNIT, "[Unit]\nDescription=x\n[Service]\nExecStart=/x\n");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(leased_conf_freep) LeasedConf *c = NULL;
                _cleanup_(messages_done) Messages m = {};
                _cleanup_free_ char *text = NULL;
                int r;

                assert_true(asprintf(&text, "[Service]\n%s", cases[i].service) > 0);
                fixture_write(*state, DROPIN, text);
                fixture_write(*state, CONF ".d/user.conf", cases[i].password ? "[Leased]\nUser=u\n" : "");
                fixture_write(*state, CONF ".d/cert.conf", cases[i].key ? "[Leased]\nCertFile=/ca\n" : "");
                r = leased_conf_load(*state, &c, &m);
                assert_messages(&m, NULL);
                assert_int_equal(r, 0);
                assert_told(c, "PasswordFile",
                                cases[i].password ? "/run/credentials/leased.service/leased.etcd-password < "
                                                    "credential leased.etcd-password"
                                                  : " < default");
                assert_told(c, "KeyFile",
                                cases[i].key ? "/run/credentials/leased.service/leased.etcd-key < credential "
                                               "leased.etcd-key"
                                             : " < default");
        }
}

static void a_credential_that_does_not_fit_the_rest_is_named(void **state) {
        _cleanup_(leased_conf_freep) LeasedConf *c = NULL, *local = NULL;
        _cleanup_(messages_done) Messages m = {}, none = {};

        give_secret(*state, "/given/leased.etcd-password");
        give_secret(*state, "/given/leased.etcd-key");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/given", true), 0);
        fixture_write(*state, CONF, "[Leased]\nRegistry=etcd\nEndpoints=http://a:2379\n"); /* takes no key on http */
        assert_int_equal(leased_conf_load_in_service(*state, &c, &m), -EBADMSG);
        assert_messages(&m, "credential leased.etcd-password: PasswordFile=: only together with User=", NULL);
        fixture_write(*state, CONF, "[Leased]\nTTL=5s\n"); /* a local registry takes none */
        assert_int_equal(leased_conf_load_in_service(*state, &local, &none), 0);
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        assert_messages(&none, NULL);
        assert_null(local->password_file);
}

#define with_root(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_root(each_option_is_told_with_the_line_that_set_it),
                with_root(the_files_are_told_in_their_order),
                with_root(within_the_service_a_credential_is_what_is_there),
                with_root(an_option_wins_over_a_credential),
                with_root(elsewhere_a_credential_is_what_the_unit_file_says),
                with_root(a_credential_that_does_not_fit_the_rest_is_named),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
