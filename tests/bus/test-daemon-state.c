/* SPDX-License-Identifier: Apache-2.0 */

/* What the daemon keeps on disk and in /run: it comes back as it was, and a damaged file is put aside, not trusted. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/state-file.h"
#include "daemon/state.h"
#include "util/file-util.h"

#define UUID "0f5bb1c6-6a7e-4a39-9c5d-8f6f8c1d2e3f"

typedef struct Place {
        sd_event *event;
        char directory[64];
        char memory[128], damaged[160], session[128], log[128];
} Place;

static int setup(void **state) {
        Place *p = calloc(1, sizeof(Place));

        str_copy(p->directory, sizeof(p->directory), "/tmp/test-daemon-state-XXXXXX");
        assert_non_null(mkdtemp(p->directory));
        assert_true(sd_event_new(&p->event) >= 0);
        snprintf(p->memory, sizeof(p->memory), "%s/state.json", p->directory);
        snprintf(p->damaged, sizeof(p->damaged), "%s.damaged", p->memory);
        snprintf(p->session, sizeof(p->session), "%s/session", p->directory);
        snprintf(p->log, sizeof(p->log), "%s/state.log", p->directory);
        *state = p;
        return 0;
}

static int teardown(void **state) {
        Place *p = *state;

        (void) unlink(p->memory);
        (void) unlink(p->damaged);
        (void) unlink(p->session);
        (void) unlink(p->log);
        assert_int_equal(rmdir(p->directory), 0); /* no temporary file was left behind */
        sd_event_unref(p->event);
        free(p);
        return 0;
}

static const RememberedIndex indexes[] = {
        { .lease = "foo.service", .index = 7 },
        { .lease = "dev-sda\\x2d1.mount", .index = UINT64_C(1764000000000) },
};

static const CoreMemory full = {
        .uuid = UUID,
        .store = "cdf818194e3a8c32",
        .revision = 123456789,
        .floor = UINT64_C(1764000000000),
        .silence = true,
        .draining = true,
        .indexes = indexes,
        .n_indexes = ELEMENTSOF(indexes),
};

static uint64_t index_of(const CoreMemory *m, const char *lease) {
        for (size_t i = 0; i < m->n_indexes; i++)
                if (streq(m->indexes[i].lease, lease))
                        return m->indexes[i].index;
        return 0;
}

static void assert_is_full(const CoreMemory *m) {
        assert_string_equal(m->uuid, full.uuid);
        assert_string_equal(m->store, full.store);
        assert_int_equal(m->revision, full.revision);
        assert_int_equal(m->floor, full.floor);
        assert_true(m->silence);
        assert_true(m->draining);
        assert_int_equal(m->n_indexes, full.n_indexes);
        for (size_t i = 0; i < full.n_indexes; i++)
                assert_int_equal(index_of(m, indexes[i].lease), indexes[i].index);
}

static void memory_survives_its_text(void **state) {
        _cleanup_free_ char *text = memory_encode(&full, SD_ID128_NULL);
        LoadedMemory m = {};
        const char *why = NULL;

        assert_non_null(text);
        assert_int_equal(memory_decode(text, strlen(text), &m, &why), 0);
        assert_is_full(&m.memory);
        memory_done(&m);
}

static void an_empty_memory_survives_its_text(void **state) {
        _cleanup_free_ char *text = memory_encode(&(CoreMemory){}, SD_ID128_NULL);
        LoadedMemory m = {};
        const char *why = NULL;

        assert_int_equal(memory_decode(text, strlen(text), &m, &why), 0);
        assert_string_equal(m.memory.uuid, "");
        assert_int_equal(m.memory.revision, 0);
        assert_int_equal(m.memory.n_indexes, 0);
        memory_done(&m);
}

/* Written by one who believed a record that said it: the rest of the file is good. */
static void an_index_beyond_all_that_can_be_is_not_remembered(void **state) {
        static const char text[] =
                        "{\"format\":1,\"uuid\":\"u\",\"store\":\"s\",\"revision\":1,\"silence\":false,"
                        "\"draining\":false,\"indexes\":{\"a.service\":9223372036854775807,\"b.service\":7}}";
        const char *why = NULL;
        LoadedMemory m;

        assert_int_equal(memory_decode(text, sizeof(text) - 1, &m, &why), 0);
        assert_int_equal(m.memory.n_indexes, 1);
        assert_int_equal(index_of(&m.memory, "b.service"), 7);
        memory_done(&m);
}

static void the_floor_of_a_memory_is_believed_only_where_it_can_be(void **state) {
        static const struct {
                const char *member;
                uint64_t floor;
        } cases[] = {
                { "", 0 }, /* as written before there was one */
                { "\"floor\":0,", 0 },
                { "\"floor\":1764000000000,", UINT64_C(1764000000000) },
                { "\"floor\":4503599627370495,", FLOOR_MAX },
                { "\"floor\":4503599627370496,", 0 },
                { "\"floor\":9223372036854775807,", 0 },
                { "\"floor\":-1,", 0 },
                { "\"floor\":\"7\",", 0 },
                { "\"floor\":7.5,", 0 },
                { "\"floor\":null,", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *why = NULL;
                char text[256];
                LoadedMemory m;

                snprintf(text, sizeof(text),
                                "{\"format\":1,\"uuid\":\"u\",\"store\":\"s\",\"revision\":5,%s\"silence\":true,"
                                "\"draining\":true,\"indexes\":{\"b.service\":7}}",
                                cases[i].member);
                assert_int_equal(memory_decode(text, strlen(text), &m, &why), 0);
                assert_int_equal(m.memory.floor, cases[i].floor);
                assert_int_equal(m.memory.revision, 5); /* the rest of the file is good */
                assert_true(m.memory.silence && m.memory.draining);
                assert_int_equal(index_of(&m.memory, "b.service"), 7);
                memory_done(&m);
        }
}

static void what_was_never_written_is_damaged(void **state) {
        static const char *const texts[] = {
                "",
                "{",
                "[]",
                "{}",
                "{\"format\":2,\"uuid\":\"\",\"store\":\"\",\"revision\":1,\"silence\":false,\"draining\":false,"
                "\"indexes\":{}}",
                "{\"format\":1,\"uuid\":\"\",\"store\":\"\",\"revision\":-1,\"silence\":false,\"draining\":false,"
                "\"indexes\":{}}",
                "{\"format\":1,\"uuid\":\"\",\"store\":\"\",\"revision\":1,\"silence\":0,\"draining\":false,"
                "\"indexes\":{}}",
                "{\"format\":1,\"uuid\":\"\",\"store\":\"\",\"revision\":1,\"silence\":false,\"draining\":false,"
                "\"indexes\":[]}",
                "{\"format\":1,\"uuid\":\"\",\"store\":\"\",\"revision\":1,\"silence\":false,\"draining\":false,"
                "\"indexes\":{\"a.service\":\"7\"}}",
                "{\"format\":1,\"uuid\":\"\",\"store\":\"\",\"revision\":1,\"silence\":false,\"draining\":false,"
                "\"indexes\":{\"../x\":7}}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                LoadedMemory m = {};
                const char *why = NULL;

                assert_int_equal(memory_decode(texts[i], strlen(texts[i]), &m, &why), -EBADMSG);
                assert_non_null(why);
                memory_done(&m);
        }
}

static void a_nul_byte_ends_no_memory(void **state) {
        _cleanup_free_ char *text = memory_encode(&full, SD_ID128_NULL);
        size_t size = strlen(text);
        LoadedMemory m = {};
        const char *why = NULL;

        /* What follows it would go unread. */
        assert_int_equal(memory_decode(text, size + 1, &m, &why), -EBADMSG);
        for (size_t at = 0; at < size; at++) {
                _cleanup_free_ char *copy = malloc(at + (at == 0)); /* so small that a read beyond it is noticed */

                assert_non_null(copy);
                memcpy(copy, text, at);
                assert_int_equal(memory_decode(copy, at, &m, &why), -EBADMSG);
        }
}

static State *open_state(Place *p) {
        State *s = NULL;

        assert_int_equal(state_new(p->event, p->directory, p->directory, &s), 0);
        return s;
}

static void what_is_remembered_is_on_disk_at_the_end(void **state) {
        Place *p = *state;
        struct stat st;
        State *s = open_state(p);

        assert_int_equal(state_memory(s)->revision, 0);
        state_remember(s, &(CoreMemory){ .uuid = UUID, .revision = 1 });
        state_remember(s, &(CoreMemory){ .uuid = UUID, .revision = 2 });
        state_remember(s, &full);
        s = state_free(s);
        assert_int_equal(stat(p->memory, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);

        s = open_state(p);
        assert_is_full(state_memory(s));
        state_free(s);
}

/* What is remembered of leases that have not changed stays, and costs nothing. */
static void only_the_indexes_that_have_changed_are_named(void **state) {
        static const RememberedIndex changed = { .lease = "foo.service", .index = 8 },
                                     forgotten = { .lease = "foo.service", .index = 0 };
        Place *p = *state;
        State *s = open_state(p);

        state_remember(s, &full);
        state_free(s);
        s = open_state(p);
        state_remember(s, &(CoreMemory){ .uuid = UUID, .revision = 3, .indexes = &changed, .n_indexes = 1 });
        state_free(s);
        s = open_state(p);
        assert_int_equal(state_memory(s)->revision, 3);
        assert_int_equal(state_memory(s)->n_indexes, 2);
        assert_int_equal(index_of(state_memory(s), "foo.service"), 8);
        assert_int_equal(index_of(state_memory(s), indexes[1].lease), indexes[1].index);
        state_remember(s, &(CoreMemory){ .uuid = UUID, .revision = 3, .indexes = &forgotten, .n_indexes = 1 });
        state_free(s);
        s = open_state(p);
        assert_int_equal(state_memory(s)->n_indexes, 1);
        assert_int_equal(index_of(state_memory(s), indexes[1].lease), indexes[1].index);
        state_free(s);
}

static off_t size_of(const char *path) {
        struct stat st;

        return stat(path, &st) < 0 ? 0 : st.st_size;
}

static MemoryCopy *changes_of(const CoreMemory *memory) {
        MemoryCopy *c = memory_copy_new();

        memory_copy_take(c, memory);
        return c;
}

static LoadedMemory load_again(const Place *p) {
        StateFile *f = state_file_new(p->directory);
        LoadedMemory m;

        assert_int_equal(state_file_load(f, &m), 0);
        state_file_free(f);
        return m;
}

/* Writes an Index of one of the leases that the memory has, and all else of it as it is. */
static int write_index(StateFile *f, const CoreMemory *memory, const char *lease, uint64_t index) {
        RememberedIndex changed = { .lease = lease, .index = index };
        CoreMemory m = *memory;

        m.indexes = &changed;
        m.n_indexes = 1;
        return state_file_write(f, changes_of(&m));
}

static StateFile *write_full(const Place *p) {
        StateFile *f = state_file_new(p->directory);
        LoadedMemory m;

        assert_int_equal(state_file_load(f, &m), 0);
        memory_done(&m);
        assert_int_equal(state_file_write(f, changes_of(&full)), 0);
        return f;
}

/* Each lease that is taken on any machine is written to the disk of each machine. */
static void what_an_index_costs_on_the_disk_does_not_grow_with_the_leases(void **state) {
        RememberedIndex many[3000];
        CoreMemory memory = { .uuid = UUID, .revision = 1, .indexes = many, .n_indexes = ELEMENTSOF(many) };
        char names[ELEMENTSOF(many)][32];
        Place *p = *state;
        StateFile *f = state_file_new(p->directory);
        off_t before, grown, folded = 0;
        struct stat st;
        LoadedMemory m;

        for (size_t i = 0; i < ELEMENTSOF(many); i++) {
                snprintf(names[i], sizeof(names[i]), "unit-%zu.service", i);
                many[i] = (RememberedIndex){ .lease = names[i], .index = 1 };
        }
        assert_int_equal(state_file_write(f, changes_of(&memory)), 0);
        before = size_of(p->memory);
        assert_true(before > 50000);
        assert_int_equal(stat(p->memory, &st), 0);

        for (uint64_t i = 0; i < 100; i++) {
                grown = size_of(p->log);
                assert_int_equal(write_index(f, &memory, names[i], i + 2), 0);
                assert_true(size_of(p->log) - grown < 100);
        }
        assert_int_equal(size_of(p->memory), before);
        assert_int_equal(stat(p->log, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        m = load_again(p);
        assert_int_equal(m.memory.n_indexes, ELEMENTSOF(many));
        for (uint64_t i = 0; i < 200; i++)
                assert_int_equal(index_of(&m.memory, names[i]), i < 100 ? i + 2 : 1);
        memory_done(&m);

        /* The log does not grow for ever. */
        memory.n_indexes = 500;
        for (uint64_t i = 0; i < 20; i++) {
                for (size_t k = 0; k < memory.n_indexes; k++)
                        many[k].index = 1000 + i;
                grown = size_of(p->log);
                assert_int_equal(state_file_write(f, changes_of(&memory)), 0);
                assert_true(size_of(p->log) <= MAX(65536, size_of(p->memory)));
                folded += size_of(p->log) < grown;
        }
        assert_in_range(folded, 1, 10);
        state_file_free(f);
        m = load_again(p);
        assert_int_equal(index_of(&m.memory, "unit-0.service"), 1019);
        assert_int_equal(index_of(&m.memory, "unit-500.service"), 1);
        memory_done(&m);
}

static void the_highest_revision_is_a_line_and_the_same_one_is_not_written_twice(void **state) {
        CoreMemory memory = full;
        Place *p = *state;
        StateFile *f = write_full(p);
        off_t size;
        LoadedMemory m;

        memory.indexes = NULL;
        memory.n_indexes = 0;
        memory.revision++;
        assert_int_equal(state_file_write(f, changes_of(&memory)), 0);
        size = size_of(p->log);
        assert_in_range(size, 1, 100);
        assert_int_equal(state_file_write(f, changes_of(&memory)), 0);
        assert_int_equal(size_of(p->log), size);
        state_file_free(f);
        m = load_again(p);
        assert_int_equal(m.memory.revision, full.revision + 1);
        memory_done(&m);
}

/* Whatever is not in a line is in state.json as soon as it has changed: also for those who read that file alone. */
static void what_no_line_can_tell_is_in_state_json(void **state) {
        CoreMemory memory = full;
        Place *p = *state;
        StateFile *f = write_full(p);
        LoadedMemory m;

        assert_int_equal(write_index(f, &memory, "foo.service", 8), 0);
        assert_true(size_of(p->log) > 0);
        memory.draining = false;
        assert_int_equal(write_index(f, &memory, "foo.service", 9), 0);
        assert_int_equal(size_of(p->log), 0);
        assert_int_equal(write_index(f, &memory, "foo.service", 10), 0);
        assert_int_equal(write_index(f, &memory, "foo.service", 0), 0); /* forgotten */
        assert_int_equal(size_of(p->log), 0);
        state_file_free(f);
        m = load_again(p);
        assert_false(m.memory.draining);
        assert_int_equal(index_of(&m.memory, "foo.service"), 0);
        assert_int_equal(m.memory.n_indexes, 1);
        memory_done(&m);
}

/* A crash may cut the last line short; what was said to be kept is in the lines before it. */
static void a_last_line_that_was_cut_short_is_left_out(void **state) {
        _cleanup_free_ char *text = NULL;
        Place *p = *state;
        StateFile *f = write_full(p);
        size_t size;
        off_t first;

        assert_int_equal(write_index(f, &full, "foo.service", 8), 0);
        first = size_of(p->log);
        assert_int_equal(write_index(f, &full, "foo.service", 9), 0);
        assert_int_equal(read_file(p->log, 1024, &text, &size), 0);
        for (size_t cut = 0; cut <= size; cut++) {
                LoadedMemory m;

                assert_int_equal(truncate(p->log, 0), 0);
                assert_int_equal(write_file_atomic(p->log, text, cut, 0600, 0), 0);
                m = load_again(p);
                assert_int_equal(index_of(&m.memory, "foo.service"), cut == size ? 9 : cut >= (size_t) first ? 8 : 7);
                assert_int_equal(index_of(&m.memory, indexes[1].lease), indexes[1].index);
                memory_done(&m);
        }
        /* This log is not as it was left, so that no line is written behind half a line. */
        assert_int_equal(write_file_atomic(p->log, text, size - 1, 0600, 0), 0);
        assert_int_equal(write_index(f, &full, "foo.service", 11), 0);
        state_file_free(f);
        {
                LoadedMemory m = load_again(p);

                assert_int_equal(index_of(&m.memory, "foo.service"), 11);
                memory_done(&m);
        }
}

/* state.json was put back, or written by a leased that knows no log, or the machine went down between the two files.
 */
static void a_log_of_another_state_json_is_not_read(void **state) {
        _cleanup_free_ char *old = NULL, *log = NULL;
        Place *p = *state;
        StateFile *f = write_full(p);
        size_t old_size, log_size;
        LoadedMemory m;

        assert_int_equal(write_index(f, &full, "foo.service", 8), 0);
        assert_int_equal(read_file(p->memory, 65536, &old, &old_size), 0);
        assert_int_equal(read_file(p->log, 65536, &log, &log_size), 0);
        assert_int_equal(unlink(p->memory), 0); /* by hand: all of it is written again with the next change */
        assert_int_equal(write_index(f, &full, "foo.service", 9), 0);
        assert_true(size_of(p->memory) > 0);
        state_file_free(f);
        assert_int_equal(write_file_atomic(p->log, log, log_size, 0600, 0), 0);
        m = load_again(p);
        assert_int_equal(index_of(&m.memory, "foo.service"), 9);
        memory_done(&m);

        assert_int_equal(write_file_atomic(p->memory, old, old_size, 0600, 0), 0);
        m = load_again(p);
        assert_int_equal(index_of(&m.memory, "foo.service"), 8);
        memory_done(&m);
}

static void a_damaged_line_costs_no_other_line(void **state) {
        static const char *const lines[] = { "", "[", "[]", "{}", "[-1]", "[1,2]", "[1,\"a.service\"]",
                "[1,\"a.service\",0]", "[1,\"a.service\",-7]", "[1,\"a.service\",9223372036854775807]",
                "[1,\"../a\",7]", "[1,\"a.service\",7,8]", "[\"1\"]", "\x01\xff" };
        sd_id128_t id = SD_ID128_MAKE(01, 23, 45, 67, 89, ab, cd, ef, 01, 23, 45, 67, 89, ab, cd, ef);

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_free_ char *begin = memory_log_begin(id), *text = NULL;
                MemoryCopy *c = changes_of(&full);
                LoadedMemory m = {};

                assert_true(asprintf(&text, "%s[5,\"foo.service\",8]\n%s\n[6,\"b.service\",9]\n", begin, lines[i]) >
                                0);
                assert_int_equal(memory_copy_take_log(c, id, text, strlen(text)), 3);
                assert_int_equal(memory_copy_give(c, &m), 0);
                assert_int_equal(index_of(&m.memory, "foo.service"), 8);
                assert_int_equal(index_of(&m.memory, "b.service"), 9);
                assert_int_equal(index_of(&m.memory, "a.service"), 0);
                assert_int_equal(m.memory.revision, 6);
                memory_done(&m);
                memory_copy_free(c);
        }
}

static void a_damaged_memory_is_kept_aside(void **state) {
        static const char text[] = "{\"format\":1,\"uuid\":";
        _cleanup_free_ char *kept = NULL;
        Place *p = *state;
        State *s;

        assert_int_equal(write_file_atomic(p->memory, text, strlen(text), 0600, 0), 0);
        s = open_state(p);
        assert_int_equal(state_memory(s)->revision, 0);
        assert_int_equal(state_memory(s)->n_indexes, 0);
        assert_int_equal(read_file(p->damaged, 1024, &kept, NULL), 0);
        assert_string_equal(kept, text);
        state_remember(s, &full);
        state_free(s);

        s = open_state(p);
        assert_is_full(state_memory(s));
        state_free(s);
}

static void the_session_is_there_at_once(void **state) {
        Place *p = *state;
        State *s = open_state(p);
        State *next;

        assert_null(state_session(s));
        assert_int_equal(state_keep_session(s, "0123456789abcdef-10000"), 0);
        next = open_state(p); /* with the other still running, as after a crash */
        assert_string_equal(state_session(next), "0123456789abcdef-10000");
        state_free(next);
        state_free(s);
}

static void a_session_is_written_again_where_its_file_vanished_also_one_that_was_carried_on(void **state) {
        Place *p = *state;
        State *s = open_state(p);

        assert_int_equal(state_keep_session(s, "0123456789abcdef-10000"), 0);
        for (int i = 0; i < 2; i++) {
                State *next;

                assert_int_equal(unlink(p->session), 0);
                state_look(s);
                next = open_state(p);
                assert_string_equal(state_session(next), "0123456789abcdef-10000");
                state_free(s);
                s = next;
        }
        state_free(s);
}

static void a_session_that_is_none_is_not_carried_on(void **state) {
        static const char *const texts[] = { "", "0123456789abcdef-1\n", "nonsense\n", "0123456789abcdef\n" };
        Place *p = *state;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                State *s;

                assert_int_equal(write_file_atomic(p->session, texts[i], strlen(texts[i]), 0600, 0), 0);
                s = open_state(p);
                assert_null(state_session(s));
                state_free(s);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory_survives_its_text),
                cmocka_unit_test(an_empty_memory_survives_its_text),
                cmocka_unit_test(an_index_beyond_all_that_can_be_is_not_remembered),
                cmocka_unit_test(the_floor_of_a_memory_is_believed_only_where_it_can_be),
                cmocka_unit_test(what_was_never_written_is_damaged),
                cmocka_unit_test(a_nul_byte_ends_no_memory),
                cmocka_unit_test_setup_teardown(what_is_remembered_is_on_disk_at_the_end, setup, teardown),
                cmocka_unit_test_setup_teardown(only_the_indexes_that_have_changed_are_named, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                what_an_index_costs_on_the_disk_does_not_grow_with_the_leases, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                the_highest_revision_is_a_line_and_the_same_one_is_not_written_twice, setup, teardown),
                cmocka_unit_test_setup_teardown(what_no_line_can_tell_is_in_state_json, setup, teardown),
                cmocka_unit_test_setup_teardown(a_last_line_that_was_cut_short_is_left_out, setup, teardown),
                cmocka_unit_test_setup_teardown(a_log_of_another_state_json_is_not_read, setup, teardown),
                cmocka_unit_test(a_damaged_line_costs_no_other_line),
                cmocka_unit_test_setup_teardown(a_damaged_memory_is_kept_aside, setup, teardown),
                cmocka_unit_test_setup_teardown(the_session_is_there_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_session_is_written_again_where_its_file_vanished_also_one_that_was_carried_on, setup,
                                teardown),
                cmocka_unit_test_setup_teardown(a_session_that_is_none_is_not_carried_on, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
