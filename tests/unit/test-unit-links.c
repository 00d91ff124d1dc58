/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/unit-links.h"

#include "conf-fixture.h"
#include "util/strv.h"

static void a_link_names_itself_what_it_leads_to_and_its_instances(void **state) {
        _cleanup_(strv_freep) char **links = NULL;
        const char *root = *state;

        fixture_link(root, "/etc/systemd/system/multi-user.target.wants/on.service",
                        "/usr/lib/systemd/system/on.service");
        fixture_link(root, "/etc/systemd/system/other.service", "/usr/lib/systemd/system/real.service");
        fixture_link(root, "/run/systemd/system/a.target.requires/tpl@x.service", "/etc/systemd/system/tpl@.service");
        fixture_link(root, "/usr/lib/systemd/system/b.target.upholds/up.service", "../up.service");
        fixture_write(root, "/etc/systemd/system/plain.service", "[Service]\n");
        fixture_write(root, "/etc/systemd/system/plain.service.d/x.conf", "[Unit]\n");
        fixture_link(root, "/etc/systemd/system/plain.service.d/deep.service", "/nowhere");
        assert_int_equal(unit_links_list(root, &links), 0);
        assert_true(unit_links_have(links, "on.service"));
        assert_true(unit_links_have(links, "other.service"));
        assert_true(unit_links_have(links, "real.service"));
        assert_true(unit_links_have(links, "tpl@x.service"));
        assert_true(unit_links_have(links, "tpl@y.service")); /* of the template */
        assert_true(unit_links_have(links, "up.service"));
        assert_false(unit_links_have(links, "plain.service"));
        assert_false(unit_links_have(links, "deep.service"));
        assert_false(unit_links_have(links, "on"));
}

static void without_any_link_nothing_is_named(void **state) {
        _cleanup_(strv_freep) char **links = NULL;

        assert_int_equal(unit_links_list(*state, &links), 0);
        assert_false(unit_links_have(links, "on.service"));
}

#define with_root(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_root(a_link_names_itself_what_it_leads_to_and_its_instances),
                with_root(without_any_link_nothing_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
