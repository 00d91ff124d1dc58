/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/property.h"

#include <errno.h>

#include "util/must.h"

/* ---- digests ---- */

/* A digest is a 64-bit FNV-1a hash; 0 stands for a value that was never looked at. */
#define DIGEST_INIT UINT64_C(0xcbf29ce484222325)
#define DIGEST_PRIME UINT64_C(0x100000001b3)

enum { END_OF_VALUE = 0xff }; /* no byte of UTF-8, so that "ab", "c" has another digest than "a", "bc" */

static void add_byte(uint64_t *digest, unsigned char byte) {
        *digest = (*digest ^ byte) * DIGEST_PRIME;
}

/* What is kept of a digest where there may be very many. */
static uint32_t short_of(uint64_t digest) {
        return (uint32_t) (digest ^ digest >> 32);
}

static void add_text(uint64_t *digest, const char *text) {
        for (; *text; text++)
                add_byte(digest, (unsigned char) *text);
}

uint64_t property_digest(const char *text) {
        uint64_t digest = DIGEST_INIT;

        add_text(&digest, strempty(text));
        add_byte(&digest, END_OF_VALUE);
        return digest;
}

static int add_basic(sd_bus_message *m, char type, uint64_t *digest) {
        union {
                const char *text;
                unsigned char bytes[8];
        } value = {};
        int r = sd_bus_message_read_basic(m, type, &value);
        bool is_text = type == SD_BUS_TYPE_STRING || type == SD_BUS_TYPE_OBJECT_PATH;

        if (r >= 0 && is_text)
                add_text(digest, value.text);
        for (size_t i = 0; i < sizeof(value.bytes) && r >= 0 && !is_text; i++)
                add_byte(digest, value.bytes[i]);
        return r;
}

/* Reads one value, of whatever type, and adds it to the digest. 0: the container has no further value. */
static int add_value(sd_bus_message *m, uint64_t *digest) {
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r <= 0)
                return r;
        if (contents) {
                r = sd_bus_message_enter_container(m, type, contents);
                while (r > 0)
                        r = add_value(m, digest);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        } else
                r = add_basic(m, type, digest);
        add_byte(digest, END_OF_VALUE);
        return r < 0 ? r : 1;
}

/* ---- the table ---- */

int property_append(const PropertyTable *table, const char *name, const void *subject, sd_bus_message *m) {
        size_t i = 0;

        while (i < table->n && !streq(table->rows[i].name, name))
                i++;
        must(i < table->n);
        return table->rows[i].append(subject, m);
}

int property_append_all(const PropertyTable *table, const void *subject, sd_bus_message *m) {
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        for (const Property *p = table->rows; p < table->rows + table->n && r >= 0; p++) {
                if ((r = sd_bus_message_open_container(m, 'e', "sv")) < 0 ||
                                (r = sd_bus_message_append_basic(m, 's', p->name)) < 0 ||
                                (r = sd_bus_message_open_container(m, 'v', p->type)) < 0 ||
                                (r = p->append(subject, m)) < 0 || (r = sd_bus_message_close_container(m)) < 0)
                        return r;
                r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static bool is_told(const Property *p, bool around) {
        return p->news == PROPERTY_TOLD || (p->news == PROPERTY_AROUND && around);
}

size_t property_digests(const PropertyTable *table) {
        size_t n = 0;

        for (const Property *p = table->rows; p < table->rows + table->n; p++)
                n += is_told(p, true);
        return n;
}

/* Makes a message that is never sent, with the values of all properties of which listeners are told. */
static int append_all(
                const PropertyTable *table, const void *subject, bool around, sd_bus *bus, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_signal(bus, &m, "/", table->interface, "Digest");

        for (size_t i = 0; i < table->n && r >= 0; i++)
                if (is_told(table->rows + i, around))
                        r = table->rows[i].append(subject, m);
        if (r >= 0)
                r = sd_bus_message_seal(m, 1, 0);
        if (r >= 0)
                *ret = TAKE_PTR(m);
        return r;
}

int property_changes(const PropertyTable *table, const void *subject, bool around, sd_bus *bus, uint32_t *digests,
                char ***ret_names) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char **names = calloc(table->n + 1, sizeof(char *));
        int r = names ? append_all(table, subject, around, bus, &m) : -ENOMEM, n = 0;

        for (const Property *p = table->rows; p < table->rows + table->n && r >= 0; p++) {
                uint64_t digest = DIGEST_INIT;
                uint32_t *known = digests;

                digests += is_told(p, true);
                if (!is_told(p, around))
                        continue;
                r = add_value(m, &digest);
                must(r != 0);
                if (r > 0 && *known != short_of(digest)) {
                        names[n++] = (char *) p->name;
                        *known = short_of(digest);
                }
        }
        if (r < 0)
                return r;
        *ret_names = TAKE_PTR(names);
        return n;
}
