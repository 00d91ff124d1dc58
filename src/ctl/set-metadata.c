/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl set-metadata: changes the metadata of this machine, in a drop-in of its own that holds all of Metadata=,
 * and has leased use it at once. leased need not run. Without an argument the verb shows what is in force.
 */

#include <errno.h>
#include <stdio.h>

#include "conf/conf.h"
#include "conf/ini.h"
#include "conf/metadata.h"
#include "core/record.h"
#include "ctl/bus.h"
#include "ctl/files.h"
#include "ctl/output.h"
#include "util/file-util.h"
#include "util/text.h"

#define METADATA_FILE LEASED_CONF_DIRECTORY "/90-metadata.conf"

static int load(LeasedConf **ret, char ***ret_words) {
        _cleanup_(messages_done) Messages m = {};
        int r = leased_conf_load("", ret, &m);

        print_messages(&m);
        if (r >= 0)
                r = ini_split_words((*ret)->metadata, ret_words);
        if (r < 0 && m.n == 0)
                complain("leased.conf: cannot be read: %s", strerror(-r));
        return r < 0 ? CTL_FAILED : CTL_OK;
}

static void show(const Ctl *ctl, const char *metadata, char *const *words) {
        json_auto_t *object = json_object();
        char key[METADATA_SIZE], values[METADATA_SIZE];
        size_t cursor = 0;

        for (; ctl->json == JSON_OFF && *words; words++)
                say("%s", *words);
        if (ctl->json == JSON_OFF)
                return;
        while (metadata_next(metadata, &cursor, key, values))
                (void) json_object_set_new(object, key, json_string(values));
        print_json(ctl, object);
}

/* ---- what is to be ---- */

/* Gives the word among these that has the same key, or NULL. */
static const char *find_key(char *const *words, int n, const char *word) {
        size_t key = metadata_key_length(word);

        for (int i = 0; i < n; i++)
                if (strncmp(words[i], word, key + 1) == 0)
                        return words[i];
        return NULL;
}

static int check(char *const *wishes, int n) {
        for (int i = 0; i < n; i++) {
                if (metadata_key_length(wishes[i]) == 0) {
                        complain("%s: expected is KEY=VALUE, the key of letters, digits and _.-, the value without "
                                 "blanks, quotes and backslashes; or KEY= to remove it",
                                        wishes[i]);
                        return CTL_USAGE;
                }
                if (find_key(wishes, i, wishes[i])) {
                        complain("%s: %.*s is given twice, and has one value", wishes[i],
                                        (int) metadata_key_length(wishes[i]), wishes[i]);
                        return CTL_USAGE;
                }
        }
        return CTL_OK;
}

static int add(char *text, const char *word) {
        if (!word[metadata_key_length(word) + 1])
                return CTL_OK; /* "KEY=" takes the key out */
        if (metadata_append(text, METADATA_SIZE, word) >= 0)
                return CTL_OK;
        return ctl_fail("%s: with it the metadata would be longer than %d characters, remove some with KEY=", word,
                        METADATA_SIZE - 1);
}

/* Puts the new list together: the keys in force, each with its new value in its place, and new keys at the end. */
static int merge(char *const *present, char *const *wishes, int n, char text[static METADATA_SIZE]) {
        int code = CTL_OK;

        text[0] = '\0';
        for (; code == CTL_OK && *present; present++)
                code = add(text, find_key(wishes, n, *present) ?: *present);
        for (int i = 0; code == CTL_OK && i < n; i++)
                code = add(text, wishes[i]);
        return code;
}

/* ---- the file ---- */

static int parse_any(const char *value, void *field) {
        return 0;
}

/* Refuses to overwrite the file if somebody has put more into it. */
static int check_file(void) {
        static const IniOption options[] = { { "Metadata", parse_any, 0, "" } };
        _cleanup_(messages_done) Messages m = {};
        char *where[ELEMENTSOF(options)] = {}, nothing;
        IniTable table = {
                .section = "Leased", .options = options, .n_options = 1, .target = &nothing, .where = where
        };
        int r = ini_load("", METADATA_FILE, &table, &m);

        ini_where_done(&table);
        if (m.n == 0 && (r >= 0 || r == -ENOENT))
                return CTL_OK;
        print_messages(&m);
        return ctl_fail(METADATA_FILE
                        ": is written whole, with nothing but Metadata=: move all else to another file there");
}

static int write_file(const char *text) {
        _cleanup_free_ char *content =
                        text_format("# Written by leasectl set-metadata, which keeps nothing else in here.\n"
                                    "[Leased]\n"
                                    "Metadata=%s\n",
                                        text);
        int r = content ? 0 : -ENOMEM;

        if (r >= 0)
                r = mkdir_parents(LEASED_CONF_DIRECTORY, 0755);
        if (r >= 0)
                r = write_file_atomic(METADATA_FILE, content, strlen(content), 0644, WRITE_SYNC);
        if (r >= 0)
                return CTL_OK;
        return files_complain(METADATA_FILE, r);
}

/* ---- the verb ---- */

static int reload(const Ctl *ctl) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool bad_lines = false;
        int r = bus_leased_runs(ctl->bus);

        if (r == 0 && ctl->legend)
                complain("note: leased is not running; it will go by that when it does");
        if (r > 0)
                r = bus_reload_leased(ctl->bus, &error, &bad_lines);
        if (r < 0)
                return bus_complain("leased", r, &error);
        return bad_lines ? CTL_FAILED : CTL_OK;
}

static int change(const Ctl *ctl, char *const *present, char *const *wishes, int n) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(strv_freep) char **words = NULL;
        char text[METADATA_SIZE];
        bool overridden;
        int code = check(wishes, n);

        if (code == CTL_OK)
                code = merge(present, wishes, n, text);
        if (code == CTL_OK)
                code = check_file();
        if (code == CTL_OK)
                code = write_file(text);
        if (code == CTL_OK)
                code = load(&conf, &words);
        if (code != CTL_OK)
                return code;
        overridden = !streq(conf->metadata, text);
        if (overridden)
                complain("%s: overrides " METADATA_FILE ", remove Metadata= there",
                                conf->metadata_where ?: "a later file");
        show(ctl, conf->metadata, words);
        if (ctl->json == JSON_OFF && ctl->legend && !*words)
                complain("note: this machine has no metadata any more");
        code = reload(ctl);
        return overridden ? CTL_FAILED : code;
}

int verb_set_metadata(Ctl *ctl, int argc, char **argv) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(strv_freep) char **words = NULL;
        int code = load(&conf, &words);

        if (code != CTL_OK)
                return code;
        if (argc > 0)
                return change(ctl, words, argv, argc);
        show(ctl, conf->metadata, words);
        return CTL_OK;
}
