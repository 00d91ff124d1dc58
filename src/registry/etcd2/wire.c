/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd2/wire.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "registry/etcd/decode.h"
#include "util/text.h"

enum {
        CODE_ABSENT = 100,
        CODE_COMPARE = 101,
        CODE_NO_FILE = 102, /* the key is a directory */
        CODE_EXISTS = 105,
        CODE_RAFT = 300, /* to 399: raft, or the server on its way down; it may be carried out yet */
        CODE_RAFT_END = 399,
};

/* ---- requests ---- */

static bool is_plain(char c, const char *also) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(also, c);
}

/* Gives text with every byte but letters, digits and those of also as %XX. NULL: out of memory. */
static char *escape(const char *text, const char *also) {
        char *s = malloc(3 * strlen(text) + 1), *p = s;

        for (; s && *text; text++)
                if (is_plain(*text, also))
                        *p++ = *text;
                else
                        p += sprintf(p, "%%%02X", (unsigned char) *text);
        if (s)
                *p = '\0';
        return s;
}

char *etcd2_path(const char *prefix, const Etcd2Ask *ask) {
        _cleanup_free_ char *name = escape(ask->name, "-_.~$&+:=@"), *folder = escape(prefix, "-_.~$&+:=@/");

        if (!name || !folder)
                return NULL;
        switch (ask->kind) {
        case ETCD2_READ:
                return text_format("/v2/keys%slease/%s?quorum=true&recursive=false&sorted=false", folder, name);
        case ETCD2_CREATE:
                return text_format("/v2/keys%slease/%s?prevExist=false", folder, name);
        default:
                return text_format("/v2/keys%slease/%s?prevIndex=%" PRIu64, folder, name, ask->index);
        }
}

char *etcd2_form(const Etcd2Ask *ask) {
        json_auto_t *value =
                        json_pack("{s:s, s:I}", "MachineID", ask->machine_id, "Version", (json_int_t) ask->version);
        _cleanup_free_ char *text = value ? json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
        _cleanup_free_ char *escaped = text ? escape(text, "-_.~") : NULL;

        return escaped ? text_format("ttl=%" PRIu64 "&value=%s", ask->ttl, escaped) : NULL;
}

/* ---- answers ---- */

/* Reads a member that is a number, and not negative. */
static bool get_number(const json_t *object, const char *name, uint64_t *ret) {
        const json_t *j = json_object_get(object, name);

        if (!json_is_integer(j) || json_integer_value(j) < 0)
                return false;
        *ret = (uint64_t) json_integer_value(j);
        return true;
}

/* Reads what fleet has written as a value. As in fleet, the names of members may be in any case, the last of the same
 * name counts, and others are ignored. A machine id that is too long, or has other characters than leased would write,
 * is not fleet's. */
static bool read_value(const char *text, Etcd2Node *ret) {
        json_auto_t *root = etcd_decode_object(text, strlen(text));
        const json_t *machine = NULL, *version = NULL;
        const char *key;
        json_t *member;
        const char *id;

        json_object_foreach(root, key, member)
                if (strcasecmp(key, "MachineID") == 0)
                        machine = member;
                else if (strcasecmp(key, "Version") == 0)
                        version = member;
        id = json_string_value(machine);
        if (isempty(id) || strlen(id) >= sizeof(ret->machine_id) || !json_is_integer(version))
                return false;
        for (const char *p = id; *p; p++)
                if (!is_plain(*p, ":_.\\@-"))
                        return false;
        str_copy(ret->machine_id, sizeof(ret->machine_id), id);
        ret->version = json_integer_value(version);
        return true;
}

static bool read_node(const json_t *root, Etcd2Node *ret) {
        const json_t *node = json_object_get(root, "node");
        const char *value = json_string_value(json_object_get(node, "value"));

        if (!get_number(node, "modifiedIndex", &ret->modified) || !get_number(node, "createdIndex", &ret->created) ||
                        ret->modified == 0)
                return false;
        if (json_object_get(node, "ttl") && !json_is_integer(json_object_get(node, "ttl")))
                return false; /* whoever is robbed is waited for as long as this says */
        if (json_object_get(node, "ttl") && !get_number(node, "ttl", &ret->ttl))
                ret->ttl = 1; /* a key that is past its time has a ttl of 0 or less, and is there for a moment yet */
        else if (json_object_get(node, "expiration") && ret->ttl == 0)
                ret->ttl = 1;
        ret->damaged = json_is_true(json_object_get(node, "dir")) || !value || !read_value(value, ret);
        return true;
}

static Etcd2Outcome outcome_of_error(uint64_t code, unsigned status) {
        if (code == CODE_ABSENT)
                return ETCD2_ABSENT;
        if (code == CODE_COMPARE || code == CODE_EXISTS || code == CODE_NO_FILE)
                return ETCD2_FAILED;
        if ((code >= CODE_RAFT && code <= CODE_RAFT_END) || status >= 500)
                return ETCD2_UNKNOWN;
        return ETCD2_DENIED;
}

void etcd2_decode(Etcd2Kind kind, unsigned status, const char *body, size_t size, Etcd2Answer *ret) {
        json_auto_t *root = etcd_decode_object(body, size);
        uint64_t code = 0;

        *ret = (Etcd2Answer){ .outcome = ETCD2_UNKNOWN };
        if (get_number(root, "errorCode", &code) && code > 0)
                ret->outcome = outcome_of_error(code, status);
        else if (status == 200 || status == 201) {
                if (kind == ETCD2_DELETE ? json_is_object(json_object_get(root, "node")) : read_node(root, &ret->node))
                        ret->outcome = ETCD2_DONE;
                else
                        ret->node = (Etcd2Node){};
        } else if (status >= 400 && status < 500 && status != 408) /* refused before it came to the keys: no v2 API, no
                                                                      right */
                ret->outcome = ETCD2_DENIED;
}
