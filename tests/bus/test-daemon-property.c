/* SPDX-License-Identifier: Apache-2.0 */

/* What D-Bus announces of an object: those properties whose values are others than they were, and no others. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/property.h"

typedef struct Subject {
        const char *name, *state, *words[3];
        uint64_t at;
        bool flag, stuck;
} Subject;

static int append_words(sd_bus_message *m, const Subject *s) {
        int r = sd_bus_message_open_container(m, 'a', "(ss)");

        for (size_t i = 0; s->words[i] && r >= 0; i++)
                r = sd_bus_message_append(m, "(ss)", s->name, s->words[i]);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

#define PROPERTIES(P)                                                                                                 \
        P(Name, "s", CONST, sd_bus_message_append(m, "s", s->name))                                                   \
        P(State, "s", TOLD, sd_bus_message_append(m, "s", s->state))                                                  \
        P(Words, "a(ss)", TOLD, append_words(m, s))                                                                   \
        P(Bytes, "ay", TOLD, sd_bus_message_append_array(m, 'y', &s->at, sizeof(s->at)))                              \
        P(Flag, "b", TOLD, sd_bus_message_append(m, "b", s->flag))                                                    \
        P(Stuck, "b", AROUND, sd_bus_message_append(m, "b", s->stuck))                                                \
        P(At, "t", ASKED, sd_bus_message_append(m, "t", s->at))

PROPERTIES(PROPERTY_FUNCTION)

static const Property rows[] = { PROPERTIES(PROPERTY_ROW) };
static const PropertyTable table = { .interface = "org.leased1.Test", .rows = rows, .n = ELEMENTSOF(rows) };

enum { TOLD = 5 }; /* properties of whose changes listeners are told */

/* A connection that never comes about: messages can be made for it. */
static sd_bus *bus;
static int peer;

static int open_bus(void **state) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        assert_true(sd_bus_new(&bus) >= 0);
        assert_true(sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
        assert_true(sd_bus_start(bus) >= 0);
        peer = fds[1];
        return 0;
}

static int close_bus(void **state) {
        bus = sd_bus_close_unref(bus);
        (void) close(peer);
        return 0;
}

/* The names that are announced, in one text. */
static const char *changes(const Subject *s, bool around, uint32_t *digests) {
        _cleanup_free_ char **names = NULL;
        static char text[256];
        int n = property_changes(&table, s, around, bus, digests, &names);

        assert_true(n >= 0);
        assert_null(names[n]);
        text[0] = '\0';
        for (char **name = names; *name; name++) {
                (void) strcat(text, *name);
                (void) strcat(text, name[1] ? " " : "");
        }
        return text;
}

static void only_what_has_changed_is_announced(void **state) {
        Subject s = { .name = "a", .state = "waiting", .words = { "draining" }, .at = 1 };
        uint32_t digests[TOLD] = {};

        assert_int_equal(property_digests(&table), TOLD);
        assert_string_equal(changes(&s, true, digests), "State Words Bytes Flag Stuck");
        assert_string_equal(changes(&s, true, digests), "");
        s.state = "running";
        s.stuck = true;
        assert_string_equal(changes(&s, true, digests), "State Stuck");
        s.flag = true;
        s.words[0] = "draining.";
        assert_string_equal(changes(&s, true, digests), "Words Flag");
        s.words[1] = "silent";
        s.at = 2;
        assert_string_equal(changes(&s, true, digests), "Words Bytes");
        assert_string_equal(changes(&s, true, digests), "");
}

static void what_hangs_on_all_machines_is_told_when_it_is_looked_at(void **state) {
        Subject s = { .name = "a", .state = "waiting" };
        uint32_t digests[TOLD] = {};

        (void) changes(&s, true, digests);
        s.stuck = true;
        assert_string_equal(changes(&s, false, digests), "");
        assert_string_equal(changes(&s, true, digests), "Stuck");
        assert_string_equal(changes(&s, false, digests), "");
}

static void what_is_never_told_is_not(void **state) {
        Subject s = { .name = "a", .state = "waiting" }, other = { .name = "b", .state = "waiting" };
        uint32_t digests[TOLD] = {};

        (void) changes(&s, true, digests);
        assert_string_equal(changes(&other, true, digests), "");
}

static void a_digest_knows_where_a_text_ends(void **state) {
        Subject s = { .name = "a", .state = "waiting", .words = { "ab", "c" } };
        uint32_t digests[TOLD] = {};

        (void) changes(&s, true, digests);
        s.words[0] = "a";
        s.words[1] = "bc";
        assert_string_equal(changes(&s, true, digests), "Words");
        assert_int_not_equal(property_digest("ab"), property_digest("abc"));
        assert_int_equal(property_digest(NULL), property_digest(""));
        assert_int_not_equal(property_digest(""), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_what_has_changed_is_announced),
                cmocka_unit_test(what_hangs_on_all_machines_is_told_when_it_is_looked_at),
                cmocka_unit_test(what_is_never_told_is_not),
                cmocka_unit_test(a_digest_knows_where_a_text_ends),
        };

        return cmocka_run_group_tests(tests, open_bus, close_bus);
}
