/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/message-json.h"

#include <errno.h>
#include <stdio.h>

#include "util/macros.h"

static int value_read(sd_bus_message *m, json_t **ret);

static int bytes_read(sd_bus_message *m, json_t **ret) {
        const uint8_t *bytes;
        size_t n;
        int r = sd_bus_message_read_array(m, 'y', (const void **) &bytes, &n);

        if (r < 0)
                return r;

        _cleanup_free_ char *hex = calloc(1, 2 * n + 1);
        if (!hex)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                (void) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
        *ret = json_string(hex);
        return *ret ? 0 : -ENOMEM;
}

/* Reads a key of a dictionary, which may be of any basic type, as text. */
static int key_read(sd_bus_message *m, char **ret) {
        json_auto_t *key = NULL;
        int r = value_read(m, &key);

        if (r < 0)
                return r;
        *ret = json_is_string(key) ? strdup(json_string_value(key)) : json_dumps(key, JSON_ENCODE_ANY);
        return *ret ? 0 : -ENOMEM;
}

static int dictionary_read(sd_bus_message *m, const char *contents, json_t **ret) {
        json_auto_t *object = json_object();
        int r = sd_bus_message_enter_container(m, 'a', contents);

        if (!object)
                return -ENOMEM;
        if (r < 0)
                return r;
        for (;;) {
                _cleanup_free_ char *key = NULL, *entry = strndup(contents + 1, strlen(contents) - 2);
                json_t *value = NULL;

                if (!entry)
                        return -ENOMEM;
                r = sd_bus_message_enter_container(m, 'e', entry);
                if (r <= 0)
                        break;
                r = key_read(m, &key);
                if (r >= 0)
                        r = value_read(m, &value);
                if (r >= 0 && json_object_set_new(object, key, value) < 0)
                        r = -ENOMEM;
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                *ret = TAKE_PTR(object);
        return r;
}

/* Reads the elements of the container that has just been entered, or of the whole message. */
static int elements_read(sd_bus_message *m, json_t **ret) {
        json_auto_t *array = json_array();
        int r;

        if (!array)
                return -ENOMEM;
        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                json_t *value = NULL;

                r = value_read(m, &value);
                if (r >= 0 && json_array_append_new(array, value) < 0)
                        r = -ENOMEM;
                if (r < 0)
                        return r;
        }
        if (r > 0)
                *ret = TAKE_PTR(array);
        return r;
}

static int container_read(sd_bus_message *m, char type, const char *contents, json_t **ret) {
        int r;

        if (type == 'a' && contents[0] == '{')
                return dictionary_read(m, contents, ret);
        if (type == 'a' && streq(contents, "y"))
                return bytes_read(m, ret);
        r = sd_bus_message_enter_container(m, type, contents);
        if (r >= 0)
                r = type == 'v' ? value_read(m, ret) : elements_read(m, ret);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int basic_read(sd_bus_message *m, char type, json_t **ret) {
        union {
                uint8_t y;
                int b, i, h;
                int16_t n;
                uint16_t q;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                const char *s;
        } v;
        int r = sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;
        switch (type) {
        case 's':
        case 'o':
        case 'g':
                *ret = json_string(v.s);
                break;
        case 'b':
                *ret = json_boolean(v.b);
                break;
        case 'y':
                *ret = json_integer(v.y);
                break;
        case 'n':
                *ret = json_integer(v.n);
                break;
        case 'q':
                *ret = json_integer(v.q);
                break;
        case 'i':
        case 'h':
                *ret = json_integer(v.i);
                break;
        case 'u':
                *ret = json_integer(v.u);
                break;
        case 'x':
                *ret = json_integer(v.x);
                break;
        case 't':
                *ret = v.t == UINT64_MAX ? json_null() : json_integer((json_int_t) v.t);
                break;
        case 'd':
                *ret = json_real(v.d);
                break;
        default:
                return -EBADMSG;
        }
        return *ret ? 0 : -ENOMEM;
}

static int value_read(sd_bus_message *m, json_t **ret) {
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        return strchr("avr", type) ? container_read(m, type, contents, ret) : basic_read(m, type, ret);
}

int message_json_body(sd_bus_message *m, json_t **ret) {
        int r = elements_read(m, ret);

        return r < 0 ? r : 0;
}
