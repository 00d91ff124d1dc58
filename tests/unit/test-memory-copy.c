/* SPDX-License-Identifier: Apache-2.0 */
/* What is written to the disk by a thread, while the core goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/memory-copy.h"

static void the_copy_owns_all_of_its_texts(void **state) {
        char uuid[] = "uuid-before", store[] = "store-before", boot[] = "boot-before", lease[] = "a.service";
        RememberedIndex index = { .lease = lease, .index = 7 };
        CoreMemory changes = { .uuid = uuid,
                .store = store,
                .draining = true,
                .draining_boot = boot,
                .indexes = &index,
                .n_indexes = 1 };
        MemoryCopy *first = memory_copy_new(), *second = memory_copy_new();
        char *text;
        json_t *root;

        memory_copy_take(first, &changes);
        memory_copy_take_copy(second, first);
        memset(uuid, 'x', strlen(uuid));
        memset(store, 'x', strlen(store));
        memset(boot, 'x', strlen(boot));
        memset(lease, 'x', strlen(lease));
        text = memory_copy_encode(second, SD_ID128_NULL);
        assert_non_null(text);
        root = json_loads(text, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(root, "uuid")), "uuid-before");
        assert_string_equal(json_string_value(json_object_get(root, "store")), "store-before");
        assert_string_equal(json_string_value(json_object_get(root, "draining_boot")), "boot-before");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "indexes"), "a.service")), 7);
        json_decref(root);
        free(text);
        memory_copy_free(second);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(the_copy_owns_all_of_its_texts) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
