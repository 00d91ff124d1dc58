/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/unit-record.h"

#include <gcrypt.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "util/must.h"
#include "util/strv.h"
#include "util/unit-name.h"

/* A number that any reader of JSON can tell from its neighbours. */
#define VERSION_MAX ((INT64_C(1) << 53) - 1)

static const char *const kinds[] = { ".service", ".timer", ".socket", ".path", ".automount", ".target", ".mount",
        NULL };

/* The kind stands in the name. */
static bool is_kind(const char *unit, const char *const *list) {
        for (; *list; list++)
                if (endswith(unit, *list))
                        return true;
        return false;
}

bool unit_record_triggers(const char *unit) {
        static const char *const list[] = { ".timer", ".socket", ".path", ".automount", NULL };

        return is_kind(unit, list);
}

bool unit_record_has_companions(const char *unit) {
        return unit_record_triggers(unit) || endswith(unit, ".target");
}

/* Whether the mount would hide what the machine runs from: at or below one of these. A path's "/" is "-" in a name. */
static bool is_of_the_system(const char *unit) {
        static const char *const roots[] = { "etc", "usr", "run", "dev", "proc", "sys", "boot", "efi", "bin", "sbin",
                "lib", "lib32", "lib64", "root", "tmp", "var-lib-leased", "var-lib-systemd", "var-log-journal" };
        static const char *const whole[] = { "var", "var-lib", "var-log", "home" };
        size_t n = unit_name_prefix(unit);

        if (!endswith(unit, ".mount") && !endswith(unit, ".automount"))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(whole); i++)
                if (strlen(whole[i]) == n && strncmp(unit, whole[i], n) == 0)
                        return true;
        for (size_t i = 0; i < ELEMENTSOF(roots); i++) {
                const char *rest = record_after(unit, roots[i]);

                if (rest && (*rest == '-' || *rest == '.'))
                        return true;
        }
        return false;
}

bool unit_record_name_is_valid(const char *unit) {
        /* Units on which the machine itself depends. One of these names that has a file is safe anyway: that file goes
         * first. */
        static const char *const reserved[] = { "leased", "systemd-", "dbus", "ssh", "user@", "user-runtime-dir@",
                "getty@", "serial-getty@", "emergency.", "rescue.", "polkit." };

        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (startswith(unit, reserved[i]))
                        return false;
        if (!unit_name_is_valid(unit) || !is_kind(unit, kinds) || is_of_the_system(unit))
                return false;
        /* The drop-ins of "web-.service" are those of every "web-*.service". */
        return unit[unit_name_prefix(unit) - 1] != '-' && unit[0] != '.' && unit[0] != '-' && !strchr(unit, '/');
}

bool unit_record_file_is_of(const char *file, const char *unit) {
        const char *rest = record_after(file, unit);

        return rest && (!*rest || startswith(rest, ".d/"));
}

static bool is_dropin(const char *name, const char *unit) {
        size_t n = strlen(unit);
        const char *dropin;

        if (strncmp(name, unit, n) != 0 || strncmp(name + n, ".d/", 3) != 0)
                return false;
        dropin = name + n + 3;
        return strspn(dropin, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.-") ==
                               strlen(dropin) &&
               dropin[0] != '.' && strlen(dropin) <= 100 && endswith(dropin, ".conf") &&
               !streq(dropin, GATE_DROPIN_NAME) && !streq(dropin, RECORD_LEAVING_DROPIN);
}

/* No control characters but newlines and tabs. */
static bool content_is_valid(const char *s) {
        for (; *s; s++)
                if (((unsigned char) *s < ' ' && *s != '\n' && *s != '\t') || *s == '\x7f')
                        return false;
        return true;
}

/* The unit file itself comes first, then drop-ins of it, and companions, each before its drop-ins. No name leads
 * anywhere else. */
static bool file_name_is_valid(const UnitRecord *r, size_t at) {
        const char *name = get_string(json_array_get(r->files, at), "name");

        if (at == 0)
                return streq(name, r->unit);
        if (is_dropin(name, r->unit))
                return true;
        if (!unit_record_has_companions(r->unit))
                return false;
        for (size_t i = 1; i < at; i++) {
                const char *before = get_string(json_array_get(r->files, i), "name");

                if (!strchr(before, '/') && is_dropin(name, before))
                        return true;
        }
        return unit_record_name_is_valid(name) && !streq(name, r->unit);
}

int unit_record_companions(const UnitRecord *r, char ***ret) {
        json_t *file;
        size_t i;
        int e = 0;

        *ret = NULL;
        json_array_foreach(r->files, i, file)
                if (i > 0 && e >= 0 && !strchr(get_string(file, "name"), '/'))
                        e = strv_add(ret, get_string(file, "name"));
        return e < 0 ? e : 0;
}

static Why check_files(const UnitRecord *r) {
        size_t total = 0, companions = 0, i, j;
        json_t *file, *other;

        if (!json_is_array(r->files) || json_array_size(r->files) == 0 || json_array_size(r->files) > RECORD_FILES_MAX)
                return WHY_FILE_DAMAGED;
        json_array_foreach(r->files, i, file) {
                const char *name = get_string(file, "name"), *content = get_string(file, "content");

                if (!json_is_string(json_object_get(file, "content")) || !content_is_valid(content) ||
                                startswith(content, RECORD_COMPANION_MARK))
                        return WHY_FILE_DAMAGED;
                if (!file_name_is_valid(r, i))
                        return WHY_FILE_BAD_NAME;
                companions += i > 0 && !strchr(name, '/');
                json_array_foreach(r->files, j, other)
                        if (j < i && streq(get_string(other, "name"), name))
                                return WHY_FILE_BAD_NAME;
                total += strlen(content);
        }
        return total > 0 && total <= RECORD_CONTENT_MAX && companions <= RECORD_COMPANIONS_MAX ? WHY_NONE
                                                                                               : WHY_FILE_DAMAGED;
}

static void hash_text(const char *text, char ret[static RECORD_HASH_SIZE]) {
        unsigned char hash[(RECORD_HASH_SIZE - 1) / 2];

        must(gcry_check_version("1.8.0")); /* the library is ready to use after this call */
        must(gcry_md_get_algo_dlen(GCRY_MD_SHA256) == sizeof(hash));
        gcry_md_hash_buffer(GCRY_MD_SHA256, hash, text, strlen(text));
        for (size_t i = 0; i < sizeof(hash); i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

Why unit_record_open(const char *text, UnitRecord *ret) {
        const json_t *hash;

        *ret = (UnitRecord){ .text = "", .signature = "" };
        if (strlen(text) > RECORD_TEXT_MAX) /* it could be taken, and not be read back to keep an older one out */
                return WHY_FILE_DAMAGED;
        ret->json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        ret->text = get_string(ret->json, "signed");
        ret->signature = get_string(ret->json, "signature");
        hash_text(ret->text, ret->hash);
        hash = json_object_get(ret->json, "hash");
        if (hash && !streq(strempty(json_string_value(hash)), ret->hash))
                return WHY_FILE_DAMAGED;
        return json_is_object(ret->json) && *ret->text ? WHY_NONE : WHY_FILE_DAMAGED;
}

Why unit_record_read(UnitRecord *r) {
        r->signed_json = json_loads(r->text, JSON_REJECT_DUPLICATES, NULL);
        r->cluster = get_string(r->signed_json, "cluster");
        r->unit = get_string(r->signed_json, "unit");
        r->version = get_integer(r->signed_json, "version");
        r->runs_as = get_integer(r->signed_json, "runs_as");
        r->gone = get_boolean(r->signed_json, "destroyed");
        r->files = json_object_get(r->signed_json, "files");
        if (!*r->cluster || !*r->unit || r->version <= 0 || r->version > VERSION_MAX || r->runs_as <= 0 ||
                        r->runs_as > r->version || (r->gone && r->files))
                return WHY_FILE_DAMAGED;
        if (!unit_record_name_is_valid(r->unit))
                return WHY_FILE_BAD_NAME;
        return r->gone ? WHY_NONE : check_files(r);
}

void unit_record_done(UnitRecord *r) {
        json_decref(r->json);
        json_decref(r->signed_json);
        *r = (UnitRecord){};
}

char *unit_record_text(const char *cluster, const char *unit, int64_t version, int64_t runs_as, json_t *files) {
        json_auto_t *object = json_pack("{s:s, s:s, s:I, s:I}", "cluster", cluster, "unit", unit, "version",
                        (json_int_t) version, "runs_as", (json_int_t) runs_as);

        if (files)
                (void) json_object_set_new(object, "files", files);
        else
                (void) json_object_set_new(object, "destroyed", json_true());
        return object ? json_dumps(object, JSON_COMPACT) : NULL;
}

char *unit_record_format(const char *text, const char *signature) {
        json_auto_t *object = json_pack("{s:s, s:s}", "signed", text, "signature", signature);
        char hash[RECORD_HASH_SIZE];

        hash_text(text, hash);
        (void) json_object_set_new(object, "hash", json_string(hash));
        return object ? json_dumps(object, JSON_COMPACT) : NULL;
}
