/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl set UNIT KEY=VALUE...: gives an enabled unit options on this machine. Each argument becomes a line in the
 * [X-Leased] of /etc/leased/units/UNIT, in place of the lines with its key there.
 */

#include <errno.h>

#include "conf/changes.h"
#include "conf/ini-edit.h"
#include "ctl/change.h"
#include "util/shell-word.h"
#include "util/text.h"

static bool is_setting(const char *s) {
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

        return n > 0 && s[n] == '=' && text_is_printable(s) && !endswith(s, "\\");
}

static int check(int n, char *const *settings) {
        for (int i = 0; i < n; i++)
                if (!is_setting(settings[i])) {
                        complain("%s: expected is KEY=VALUE with an option of leased.unit(5), e.g. StopGraceSec=3s, "
                                 "or "
                                 "KEY= for its default",
                                        settings[i]);
                        return CTL_USAGE;
                }
        return CTL_OK;
}

/* Whether the setting is "KEY=", and no other one has its key. */
static bool only_resets(size_t n, char *const *settings, size_t i) {
        size_t key = strcspn(settings[i], "=");

        for (size_t k = 0; k < n; k++)
                if (k != i && strncmp(settings[k], settings[i], key + 1) == 0)
                        return false;
        return settings[i][key + 1] == '\0';
}

static bool means_the_same(const char *unit, const char *a, const char *b) {
        _cleanup_(unit_options_freep) UnitOptions *first = NULL, *second = NULL;
        _cleanup_(messages_done) Messages m = {};

        return unit_options_preview_text("", unit, a, strlen(a), &first, &m) >= 0 &&
               unit_options_preview_text("", unit, b, strlen(b), &second, &m) >= 0 && !changes_in_unit(first, second);
}

/* Makes the new text. A line "KEY=" is left out, unless another file of the unit sets the option. */
static int make_text(const Change *c, size_t n, char *const *settings, char **ret) {
        _cleanup_free_ const char **lines = calloc(n + 1, sizeof(char *));
        _cleanup_free_ char *with = NULL, *without = NULL;
        int r = lines ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && r >= 0; i++)
                lines[i] = settings[i];
        if (r >= 0)
                r = ini_edit_set(c->before, "X-Leased", n, lines, &with);
        for (size_t i = 0; i < n && r >= 0; i++)
                if (only_resets(n, settings, i))
                        settings[i][strlen(settings[i]) - 1] = '\0';
        if (r >= 0)
                r = ini_edit_set(c->before, "X-Leased", n, lines, &without);
        if (r < 0)
                return ctl_fail("%s: %s", c->unit, strerror(-r));
        *ret = means_the_same(c->unit, with, without) ? TAKE_PTR(without) : TAKE_PTR(with);
        return CTL_OK;
}

/* Writes the command down, as it is typed on another machine. */
static int note_command(Change *c, size_t n, char *const *settings) {
        c->again = text_format("leasectl set %s", SHELL_WORD(c->unit));
        for (size_t i = 0; i < n && c->again; i++) {
                char *before = c->again;

                c->again = text_format("%s %s", before, SHELL_WORD(settings[i]));
                free(before);
        }
        return c->again ? CTL_OK : ctl_fail("%s: out of memory", c->unit);
}

int verb_set(Ctl *ctl, int argc, char **argv) {
        _cleanup_(change_done) Change c = {};
        _cleanup_free_ char *text = NULL;
        int code = check(argc - 1, argv + 1);

        if (code == CTL_OK)
                code = change_begin(ctl, argv[0], &c);
        if (code == CTL_OK)
                code = note_command(&c, (size_t) argc - 1, argv + 1);
        if (code == CTL_OK)
                code = make_text(&c, (size_t) argc - 1, argv + 1, &text);
        if (code == CTL_OK)
                code = change_examine(ctl, &c, text);
        return code == CTL_OK ? change_apply(ctl, &c, text) : code;
}
