/* SPDX-License-Identifier: Apache-2.0 */
/* What the record of a submitted unit may say, and under which names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/unit-record-starts.h"
#include "ctl/unit-record.h"
#include "util/strv.h"

#define CLUSTER "5f3c7d0e-1b2a-4c3d-8e9f-001122334455"

static json_t *file(const char *name, const char *content) {
        return json_pack("{s:s, s:s}", "name", name, "content", content);
}

/* The reason why a record is refused whose signed text is this one. Takes text. */
static Why judge(char *text) {
        _cleanup_free_ char *record = unit_record_format(text, "signature");
        UnitRecord r;
        Why why = unit_record_open(record, &r);

        if (why == WHY_NONE)
                why = unit_record_read(&r);
        unit_record_done(&r);
        free(text);
        return why;
}

static Why judge_file(const char *name, const char *content) {
        return judge(unit_record_text(CLUSTER, "web.service", 7, 7,
                        json_pack("[o, o]", file("web.service", "[Service]\n"), file(name, content))));
}

static void what_was_made_is_read_again(void **state) {
        _cleanup_free_ char *text = unit_record_text(CLUSTER, "web.service", 7, 5,
                        json_pack("[o, o]", file("web.service", "[Service]\n\tä\n"),
                                        file("web.service.d/a.conf", "#")));
        _cleanup_free_ char *record = unit_record_format(text, "its signature\n"), *gone = NULL, *other = NULL;
        UnitRecord r;

        assert_int_equal(unit_record_open(record, &r), WHY_NONE);
        assert_string_equal(r.text, text);
        assert_string_equal(r.signature, "its signature\n");
        assert_int_equal(unit_record_read(&r), WHY_NONE);
        assert_string_equal(r.cluster, CLUSTER);
        assert_int_equal(strlen(r.hash), 64);
        assert_non_null(strstr(record, r.hash));
        assert_string_equal(r.unit, "web.service");
        assert_int_equal(r.version, 7);
        assert_int_equal(r.runs_as, 5);
        assert_false(r.gone);
        assert_int_equal(json_array_size(r.files), 2);
        unit_record_done(&r);

        gone = unit_record_text(CLUSTER, "web.service", 8, 8, NULL);
        other = unit_record_format(gone, "");
        assert_int_equal(unit_record_open(other, &r), WHY_NONE);
        assert_int_equal(unit_record_read(&r), WHY_NONE);
        assert_true(r.gone);
        unit_record_done(&r);
}

static void no_name_leads_elsewhere(void **state) {
        static const char *const bad[] = { "other.service", "web.service", "web.service.d", "web.service.d/",
                "web.service.d/.conf", "web.service.d/.a.conf", "web.service.d/a.txt", "web.service.d/a/b.conf",
                "web.service.d/../a.conf", "web.service.d/zzzz-leased.conf", "web.service.d/zzzz-leaving.conf",
                "web.service.d/a b.conf", "web.service.d/a\n.conf", "../web.service", "/etc/passwd",
                "web.service.dx/a.conf", "" };
        static const char *const reserved[] = { "leased.service", "leased-guard.service", "dbus.service",
                "sshd.service", "ssh.service", "systemd-logind.service", "user@0.service", "getty@tty1.service",
                "web@.service", "web@.timer", "web.swap", "web.slice", "web.scope", "web.device", "web", "a/b.service",
                "../a.service", "-a.service", ".a.service", "web-.service", "web-@1.service", "" };
        char name[256];

        assert_int_equal(judge_file("web.service.d/a.conf", "#"), WHY_NONE);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(judge_file(bad[i], "#"), WHY_FILE_BAD_NAME);
        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                assert_false(unit_record_name_is_valid(reserved[i]));
        assert_true(unit_record_name_is_valid("web@1.service"));
        memset(name, 'n', sizeof(name));
        strcpy(name + 240 - strlen(".service"), ".service");
        assert_true(unit_record_name_is_valid(name));
        strcpy(name + 241 - strlen(".service"), ".service");
        assert_false(unit_record_name_is_valid(name));
        assert_int_equal(judge(unit_record_text(CLUSTER, "dbus.service", 1, 1, NULL)), WHY_FILE_BAD_NAME);
}

static Why open_text(const char *text) {
        UnitRecord r;
        Why why = unit_record_open(text, &r);

        unit_record_done(&r);
        return why;
}

static void a_wrong_hash_is_damaged_and_none_is_that_of_an_earlier_version(void **state) {
        _cleanup_free_ char *written = unit_record_format("abc", "s");

        assert_non_null(strstr(written, "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""));
        assert_int_equal(open_text("{\"hash\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
                                   "\"signed\":\"abc\",\"signature\":\"s\"}"),
                        WHY_NONE);
        assert_int_equal(open_text("{\"signed\":\"abc\",\"signature\":\"s\"}"), WHY_NONE);
        assert_int_equal(open_text("{\"hash\":\"\",\"signed\":\"abc\",\"signature\":\"s\"}"), WHY_FILE_DAMAGED);
        assert_int_equal(open_text("{\"hash\":7,\"signed\":\"abc\",\"signature\":\"s\"}"), WHY_FILE_DAMAGED);
        assert_int_equal(open_text("{\"hash\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
                                   "\"signed\":\"abd\",\"signature\":\"s\"}"),
                        WHY_FILE_DAMAGED);
}

static void no_mount_hides_what_the_machine_runs_from(void **state) {
        static const char *const bad[] = { "-.mount", "etc.mount", "etc-leased.mount", "usr-lib.automount",
                "var.mount", "var-lib.mount", "var-lib-leased-submitted.mount", "run-leased-held.mount",
                "home.mount" };
        static const char *const good[] = { "srv-data.mount", "srv-data.automount", "mnt.mount", "var-lib-pgsql.mount",
                "home-alice.mount", "etcetera.mount", "etc.service" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(unit_record_name_is_valid(bad[i]));
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(unit_record_name_is_valid(good[i]));
}

static Why judge_names(const char *const *names) {
        json_t *files = json_array();

        for (const char *const *n = names; *n; n++)
                (void) json_array_append_new(files, file(*n, "#"));
        return judge(unit_record_text(CLUSTER, *names, 7, 7, files));
}

#define NAMES(...) judge_names((const char *const[]){ __VA_ARGS__, NULL })

/* What a timer starts comes in its record. */
static void companions_come_with_what_may_start_them_and_before_their_drop_ins(void **state) {
        _cleanup_free_ char *text = unit_record_text(CLUSTER, "n.timer", 7, 7,
                        json_pack("[o, o, o]", file("n.timer", "[Timer]\n"), file("n.service", "[Service]\n"),
                                        file("n.service.d/a.conf", "#")));
        _cleanup_free_ char *record = unit_record_format(text, "signature");
        char **companions = NULL;
        UnitRecord r;

        assert_int_equal(unit_record_open(record, &r), WHY_NONE);
        assert_int_equal(unit_record_read(&r), WHY_NONE);
        assert_int_equal(unit_record_companions(&r, &companions), 0);
        assert_int_equal(strv_length(companions), 1);
        assert_string_equal(companions[0], "n.service");
        strv_free(companions);
        unit_record_done(&r);
        assert_int_equal(NAMES("n.timer", "n.timer.d/a.conf", "n.service"), WHY_NONE);
        assert_int_equal(NAMES("n.target", "a.service", "b.timer"), WHY_NONE);
        assert_int_equal(NAMES("n.timer", "n.service.d/a.conf", "n.service"), WHY_FILE_BAD_NAME);
        assert_int_equal(NAMES("n.timer", "other.service.d/a.conf"), WHY_FILE_BAD_NAME);
        assert_int_equal(NAMES("n.timer", "n.service", "n.service"), WHY_FILE_BAD_NAME);
        assert_int_equal(NAMES("n.timer", "n.timer"), WHY_FILE_BAD_NAME);
        assert_int_equal(NAMES("n.timer", "leased.service"), WHY_FILE_BAD_NAME);
        assert_int_equal(NAMES("n.timer", "ssh.service"), WHY_FILE_BAD_NAME);
        assert_int_equal(NAMES("n.timer", "n@.service"), WHY_FILE_BAD_NAME);
        assert_int_equal(NAMES("n.timer", "n.service", "n.service.d/zzzz-leased.conf"), WHY_FILE_BAD_NAME);
        assert_int_equal(NAMES("n.service", "o.service"), WHY_FILE_BAD_NAME); /* it starts nothing */
        assert_int_equal(NAMES("n.mount", "o.service"), WHY_FILE_BAD_NAME);
        assert_int_equal(NAMES("n.timer", "1.service", "2.service", "3.service", "4.service", "5.service", "6.service",
                                         "7.service", "8.service", "9.service"),
                        WHY_FILE_DAMAGED);
        assert_int_equal(judge(unit_record_text(CLUSTER, "n.service", 7, 7,
                                         json_pack("[o]", file("n.service", RECORD_COMPANION_MARK "o.timer.\n")))),
                        WHY_FILE_DAMAGED);
}

static void what_is_no_plain_text_or_too_much_is_damaged(void **state) {
        _cleanup_free_ char *much = calloc(1, RECORD_CONTENT_MAX + 1);

        for (const char *p = "\r\x1b\x01\x7f"; *p; p++)
                assert_int_equal(judge_file("web.service.d/a.conf", (char[]){ *p, '\0' }), WHY_FILE_DAMAGED);
        assert_non_null(much);
        memset(much, '#', RECORD_CONTENT_MAX);
        assert_int_equal(judge_file("web.service.d/a.conf", much), WHY_FILE_DAMAGED);
        much[RECORD_CONTENT_MAX - strlen("[Service]\n")] = '\0';
        assert_int_equal(judge_file("web.service.d/a.conf", much), WHY_NONE);
        assert_int_equal(judge(strdup("{\"cluster\":\"a\",\"unit\":\"web.service\",\"version\":1,\"version\":2}")),
                        WHY_FILE_DAMAGED);
        assert_int_equal(judge(strdup("[]")), WHY_FILE_DAMAGED);
        assert_int_equal(judge(strdup("{\"content\":\"a\\u0000b\"}")), WHY_FILE_DAMAGED);
}

/* A forger can add to what is not signed. What was taken must be read back from the disk, or an older one is taken. */
static void a_record_that_is_padded_is_damaged(void **state) {
        _cleanup_free_ char *text = unit_record_text(CLUSTER, "web.service", 7, 7, NULL), *record = NULL;
        _cleanup_free_ char *much = calloc(1, RECORD_TEXT_MAX + 2);
        UnitRecord r;

        assert_non_null(much);
        memset(much, ' ', RECORD_TEXT_MAX + 1);
        record = unit_record_format(text, "signature");
        memcpy(much, record, strlen(record));
        assert_int_equal(unit_record_open(much, &r), WHY_FILE_DAMAGED);
        unit_record_done(&r);
        much[RECORD_TEXT_MAX] = '\0';
        assert_int_equal(unit_record_open(much, &r), WHY_NONE);
        unit_record_done(&r);
}

static void versions_are_within_bounds(void **state) {
        static const int64_t bad[][2] = { { 0, 0 }, { -1, -1 }, { 1, 2 }, { 1, 0 }, { INT64_C(1) << 53, 1 },
                { INT64_MAX, INT64_MAX } };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(judge(unit_record_text(CLUSTER, "web.service", bad[i][0], bad[i][1], NULL)),
                                WHY_FILE_DAMAGED);
}

/* ---- what a unit starts ---- */

static const char *started(const char *unit, const char *text, const char *dropin) {
        static char name[UNIT_NAME_SPACE];
        char in[UNIT_NAME_SPACE + 16];
        json_auto_t *files = NULL;
        _cleanup_free_ char *value = NULL;

        (void) snprintf(in, sizeof(in), "%s.d/a.conf", unit);
        files = json_pack("[o, o]", file(unit, text), file(in, dropin));
        return unit_record_starts_find(unit, files, name, &value) == -EXDEV ? value ? "differs" : "no value" : name;
}

/* Each of these was asked of PID 1 (systemd 252). */
static void what_a_unit_starts_is_read_as_pid_1_does(void **state) {
        static const struct {
                const char *value, *name;
        } of_an_instance[] = {
                { "x%n.service", "xaa-bb@cc-dd.timer.service" },
                { "x%N.service", "xaa-bb@cc-dd.service" },
                { "x%p.service", "xaa-bb.service" },
                { "x%i.service", "xcc-dd.service" },
                { "x%j.service", "xbb.service" },
                { "x%u%U%g%G.service", "xroot0root0.service" },
                { "x%P.service", "aa-bb@cc-dd.service" },
                { "x%I.service", "aa-bb@cc-dd.service" },
                { "x%J.service", "aa-bb@cc-dd.service" },
                { "x%%.service", "aa-bb@cc-dd.service" },
                { "x%t.service", "aa-bb@cc-dd.service" },
                { "tmpl@.service", "tmpl@cc-dd.service" },
                { "tmpl@%p.service", "tmpl@aa-bb.service" },
                { "x%H.service", "differs" },
                { "x%m.service", "differs" },
                { "x%v.service", "differs" },
                { "x%", "aa-bb@cc-dd.service" },
        };

        for (size_t i = 0; i < ELEMENTSOF(of_an_instance); i++) {
                char text[200];

                (void) snprintf(text, sizeof(text), "[Timer]\nUnit=%s\n", of_an_instance[i].value);
                assert_string_equal(started("aa-bb@cc-dd.timer", text, ""), of_an_instance[i].name);
        }
        assert_string_equal(started("q-r.timer", "[Timer]\nUnit=%i%p%j%N.service\n", ""), "q-rrq-r.service");
        assert_string_equal(started("q-r.timer", "[Timer]\nUnit=tmpl@.service\n", ""), "tmpl@q-r.service");
        assert_string_equal(started("q.timer", "[Timer]\nUnit=%i.service\n", ""), "q.service");
        assert_string_equal(started("q.timer", "[Timer]\n Unit = x.target \n", ""), "x.target");
        assert_string_equal(
                        started("q.timer", "[Timer]\nUnit=a\nUnit=b.wrong\nUnit=\"c.service\"\n", ""), "q.service");
        assert_string_equal(
                        started("q.timer", "[Timer]\n# Unit=a.service\n[Path]\nUnit=b.service\n", ""), "q.service");
        assert_string_equal(started("q.timer", "[Timer]\nUnit=co\\\nnt.service\n", ""), "q.service");
        assert_string_equal(started("q.automount", "[Automount]\nUnit=a.service\n", ""), "q.mount");
}

static void of_several_pid_1_takes_the_first_unit_and_the_last_service(void **state) {
        assert_string_equal(started("q.timer", "[Timer]\nUnit=a.service\nUnit=b.service\n", ""), "a.service");
        assert_string_equal(started("q.timer", "[Timer]\nUnit=b.wrong\nUnit=a.service\n", ""), "a.service");
        assert_string_equal(started("q.timer", "[Timer]\nUnit=a.service\nUnit=\n", ""), "a.service");
        assert_string_equal(started("q.path", "[Path]\nUnit=a.service\n", "[Path]\nUnit=b.service\n"), "a.service");
        assert_string_equal(started("q.socket", "[Socket]\nService=a.service\nService=b.service\n", ""), "b.service");
        assert_string_equal(started("q.socket", "[Socket]\nService=a.service\nService=\n", ""), "a.service");
        assert_string_equal(started("q.socket", "[Socket]\nService=a.target\n", ""), "q.service");
        assert_string_equal(started("q.socket", "[Socket]\n", "[Socket]\nService=y%p.service\n"), "yq.service");
        assert_string_equal(started("q.socket", "[Socket]\nAccept=yes\n", ""), "");
}

static void what_is_bound_is_read_as_pid_1_does(void **state) {
        json_auto_t *files = json_pack("[o, o]", file("m@7.service", "[Unit]\nBindsTo=a.target \\\n  %p-%i.target\n"),
                        file("m@7.service.d/1.conf", "[Unit]\nBindsTo=\nBindsTo=t@.target\n"));

        assert_true(unit_record_starts_binds("m@7.service", files, "a.target"));
        assert_true(unit_record_starts_binds("m@7.service", files, "m-7.target"));
        assert_true(unit_record_starts_binds("m@7.service", files, "t@7.target"));
        assert_false(unit_record_starts_binds("m@7.service", files, "t@.target"));
        assert_false(unit_record_starts_binds("m@7.service", files, "b.target"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_made_is_read_again),
                cmocka_unit_test(no_name_leads_elsewhere),
                cmocka_unit_test(a_wrong_hash_is_damaged_and_none_is_that_of_an_earlier_version),
                cmocka_unit_test(no_mount_hides_what_the_machine_runs_from),
                cmocka_unit_test(companions_come_with_what_may_start_them_and_before_their_drop_ins),
                cmocka_unit_test(what_is_no_plain_text_or_too_much_is_damaged),
                cmocka_unit_test(a_record_that_is_padded_is_damaged),
                cmocka_unit_test(versions_are_within_bounds),
                cmocka_unit_test(what_a_unit_starts_is_read_as_pid_1_does),
                cmocka_unit_test(of_several_pid_1_takes_the_first_unit_and_the_last_service),
                cmocka_unit_test(what_is_bound_is_read_as_pid_1_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
