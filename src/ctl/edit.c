/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl edit UNIT: opens the options that an enabled unit has on this machine in an editor. What the editor leaves
 * behind is checked before it is in force. If something is wrong with it, it is offered again, as long as there is a
 * terminal on which to ask.
 */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/ini.h"
#include "ctl/change.h"
#include "ctl/files.h"
#include "ctl/option-files.h"
#include "ctl/program.h"
#include "util/file-util.h"
#include "util/text.h"
#include "util/shell-word.h"

#define TEXT_MAX ((size_t) 1024 * 1024)
#define MARK "### What stands below this line is not kept.\n"

/* ---- the text to edit ---- */

/* Writes the text, and below the mark, as comments, what the unit's other files say. */
static int write_draft(const Change *c, const char *text, const char *path) {
        _cleanup_(option_files_done) OptionFiles files = {};
        _cleanup_free_ char *draft = NULL;
        size_t size;
        FILE *f;
        int r, code = option_files_read(c->unit, false, &files);

        if (code != CTL_OK)
                return code;
        f = open_memstream(&draft, &size);
        if (!f)
                return ctl_fail("edit: out of memory");
        (void) fprintf(f, "%s%s\n" MARK "### The options are explained in leased.unit(5).\n", text,
                        !*text || endswith(text, "\n") ? "" : "\n");
        for (size_t i = 0; i < files.n; i++) {
                (void) fprintf(f, "###\n### %s says:\n", files.list[i].path);
                for (const char *l = files.list[i].text; *l; l += strcspn(l, "\n"), l += *l == '\n')
                        (void) fprintf(f, "# %.*s\n", (int) strcspn(l, "\n"), l);
        }
        r = fclose(f) == 0 ? write_file_atomic(path, draft, size, 0600, 0) : -ENOMEM;
        return r < 0 ? files_complain(path, r) : CTL_OK;
}

/* Reads what the editor has left behind, above the mark. */
static int read_draft(const char *path, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size, n;
        char *mark;
        int r = read_file(path, TEXT_MAX, &text, &size);

        if (r < 0)
                return files_complain(path, r);
        if (strlen(text) < size)
                return ctl_fail("edit: the text has a NUL byte in it, nothing is changed");
        mark = strstr(text, MARK);
        if (mark)
                *mark = '\0';
        for (n = strlen(text); n > 1 && text[n - 1] == '\n' && text[n - 2] == '\n'; n--)
                text[n - 1] = '\0';
        free(*ret);
        *ret = TAKE_PTR(text);
        return CTL_OK;
}

/* ---- the editor ---- */

/* Gives the editor's command line: the variables and programs of "systemctl edit", in their order. */
static int find_editor(char ***ret) {
        static const char *const variables[] = { "SYSTEMD_EDITOR", "EDITOR", "VISUAL" };
        static const char *const programs[] = { "editor", "nano", "vim", "vi" };

        for (size_t i = 0; i < ELEMENTSOF(variables); i++) {
                const char *value = getenv(variables[i]);

                if (!isempty(value))
                        return ini_split_words(value, ret) < 0 || !*ret
                                               ? ctl_fail("$%s: cannot be used: %s", variables[i], value)
                                               : CTL_OK;
        }
        for (size_t i = 0; i < ELEMENTSOF(programs); i++)
                if (program_is_installed(programs[i]))
                        return strv_add(ret, programs[i]) < 0 ? CTL_FAILED : CTL_OK;
        return ctl_fail("edit: there is no editor here, name one in $SYSTEMD_EDITOR");
}

static int run_editor(const char *path) {
        _cleanup_(strv_freep) char **words = NULL;
        int code = find_editor(&words), r;

        if (code != CTL_OK)
                return code;
        if (strv_add(&words, path) < 0)
                return ctl_fail("edit: out of memory");
        r = program_run_here((const char *const *) words);
        if (r < 0)
                return ctl_fail("%s: %s", words[0], strerror(-r));
        return r > 0 ? ctl_fail("%s: ended with %d, nothing is changed", words[0], r) : CTL_OK;
}

/* Asks whether the text is to be edited again. false without a terminal. */
static bool ask_again(void) {
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
                return false;
        say_progress("Nothing is changed yet. Enter: edit it again; n and Enter: give up");
        return getline(&line, &size, stdin) > 0 && *line != 'n' && *line != 'N';
}

/* ---- the verb ---- */

/* Has the text edited until nothing is wrong with it. *ret is c->before if it was left alone. */
static int edit(Ctl *ctl, Change *c, const char *path, char **ret) {
        int code;

        do {
                code = write_draft(c, *ret, path);
                if (code == CTL_OK)
                        code = run_editor(path);
                if (code == CTL_OK)
                        code = read_draft(path, ret);
                if (code != CTL_OK)
                        return code;
                if (streq(*ret, c->before))
                        return CTL_OK;
                code = change_examine(ctl, c, *ret);
        } while (code != CTL_OK && ask_again());
        return code;
}

int verb_edit(Ctl *ctl, int argc, char **argv) {
        _cleanup_(change_done) Change c = {};
        _cleanup_free_ char *path = NULL, *text = NULL;
        char folder[] = "/tmp/leasectl-XXXXXX";
        int code = change_begin(ctl, argv[0], &c);

        (void) argc;
        if (code != CTL_OK)
                return code;
        c.again = text_format("leasectl edit %s", SHELL_WORD(c.unit));
        text = strdup(c.before);
        path = mkdtemp(folder) ? text_format("%s/%s", folder, c.unit) : NULL;
        if (!text || !path || !c.again)
                return ctl_fail("%s: %s", folder, strerror(errno));
        code = edit(ctl, &c, path, &text);
        (void) unlink(path);
        (void) rmdir(folder);
        if (code == CTL_OK && streq(text, c.before)) {
                say("%s: nothing was changed", c.unit);
                return CTL_OK;
        }
        return code == CTL_OK ? change_apply(ctl, &c, text) : code;
}
