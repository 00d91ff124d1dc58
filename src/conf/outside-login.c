/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-login.h"

#include <stdio.h>

#include "conf/argv.h"
#include "conf/outside-pam.h"
#include "conf/outside-say.h"

/* ---- a command as another user ---- */

static const struct Login {
        const char *name, *service, *valued;
} logins[] = {
        { "su", "su",
                        "-c --command --session-command -g --group -G --supp-group -s --shell -w "
                        "--whitelist-environment" },
        { "runuser", "runuser",
                        "-c --command --session-command -g --group -G --supp-group -s --shell -u --user -w "
                        "--whitelist-environment" },
        { "sudo", "sudo",
                        "-C --close-from -D --chdir -g --group -h --host -p --prompt -R --chroot -r --role -t --type "
                        "-T --command-timeout -U --other-user -u --user -a --auth-type -c --login-class" },
        { "doas", "doas", "-a -C -u" },
        { "pkexec", "polkit-1", "--user" },
};

static const struct Login *find_login(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(logins); i++)
                if (streq(name, logins[i].name))
                        return logins + i;
        return NULL;
}

bool outside_login_is_one(const char *name) {
        return find_login(name);
}

/* Whether a word of the program's own has one of these letters, or asks for a login. */
static bool has_option(const struct Login *l, char *const *a, const char *letters, const char *word) {
        for (const char *c = letters; *c; c++)
                if (argv_has_letter(*a, *c, l->valued))
                        return true;
        return streq(*a, word);
}

/* su and runuser take their options also behind the name of the user, up to "--", and "-" as the first word that is no
 * option. With the option -u, runuser has a command there, which is a program's own. */
static bool su_opens_login(const struct Login *l, char *const *argv) {
        bool has_user = false, has_word = false;
        char *const *a = argv + 1;

        while (*a && !streq(*a, "--"))
                if (argv_is_option(*a)) {
                        if (has_option(l, a, "l", "--login"))
                                return true;
                        has_user = has_user || has_option(l, a, "u", "--user") || startswith(*a, "--user=");
                        a = argv_after_option(a, l->valued);
                } else if (has_user)
                        return false;
                else {
                        if (!has_word && streq(*a, "-"))
                                return true;
                        has_word = true;
                        a++;
                }
        return *a && !has_user && !has_word && a[1] && streq(a[1], "-");
}

/* Gives where the command of sudo begins: behind its options, among which variables may be set. */
static char *const *sudo_command(const struct Login *l, char *const *argv) {
        char *const *a = argv + 1;

        while (*a && !streq(*a, "--"))
                if (argv_is_option(*a))
                        a = argv_after_option(a, l->valued);
                else if (**a != '/' && strchr(*a, '='))
                        a++;
                else
                        break;
        return a;
}

static bool sudo_has(const struct Login *l, char *const *argv, const char *letters, const char *word) {
        char *const *command = sudo_command(l, argv);

        for (char *const *a = argv + 1; a < command; a = argv_is_option(*a) ? argv_after_option(a, l->valued) : a + 1)
                if (argv_is_option(*a) && has_option(l, a, letters, word))
                        return true;
        return false;
}

/* Whether the program runs anything at all. */
static bool runs_something(const struct Login *l, char *const *argv) {
        char *const *command = sudo_command(l, argv);

        if (streq(l->name, "sudo") && (sudo_has(l, argv, "lvKeV", "--list") || sudo_has(l, argv, "", "--validate")))
                return false;
        return *command || sudo_has(l, argv, "s", "--shell");
}

#define TAKEN "whose processes logind takes away; write "

static Outside look_at_pam(const char *name, const char *service, OutsideFinding *f) {
        if (outside_pam_session(service) != PAM_SESSION_MOVES)
                return OUTSIDE_NO;
        outside_say_what(f, name, NULL);
        (void) snprintf(f->mend, sizeof(f->mend),
                        "by PAM's list for it (/etc/pam.d/%s) it opens a session, " TAKEN "%sUser= in [Service]",
                        service, streq(name, "runuser") ? "" : "runuser -u USER -- COMMAND, or ");
        return OUTSIDE_YES;
}

Outside outside_login_look(const char *name, char *const *argv, OutsideFinding *f) {
        const struct Login *l = find_login(name);
        bool su = streq(name, "su"), sudo = streq(name, "sudo"), runuser = streq(name, "runuser");
        bool login = sudo ? sudo_has(l, argv, "i", "--login") : (su || runuser) && su_opens_login(l, argv);

        if (!su && !login)
                return runuser || runs_something(l, argv) ? look_at_pam(name, l->service, f) : OUTSIDE_NO;
        outside_say_what(f, name, sudo ? "-i" : login ? "-l" : "");
        return outside_say(f, su || sudo ? "it opens a session, " TAKEN "User= in [Service], or runuser -u USER -- "
                                           "COMMAND"
                                         : "it opens a session, " TAKEN "runuser -u USER -- COMMAND, or User= in "
                                           "[Service]");
}

/* ---- daemons ---- */

static const struct Daemon {
        const char *name, *service;
        bool always; /* to open sessions is what it is for, so it is taken for granted where no file says */
} daemons[] = {
        { "sshd", "sshd", true },
        { "cron", "cron", false },
        { "crond", "crond", false },
        { "fcron", "fcron", false },
        { "atd", "atd", false },
        { "login", "login", true },
        { "agetty", "login", true },
        { "getty", "login", true },
        { "mingetty", "login", true },
        { "telnetd", "login", true },
        { "in.telnetd", "login", true },
        { "gdm", "gdm-password", true },
        { "gdm3", "gdm-password", true },
        { "lightdm", "lightdm", true },
        { "sddm", "sddm", true },
        { "lxdm", "lxdm", true },
        { "xdm", "xdm", true },
        { "greetd", "greetd", true },
        { "xrdp-sesman", "xrdp-sesman", true },
        { "vncsession", "tigervnc", true },
        { "cockpit-ws", "cockpit", true },
        { "cockpit-tls", "cockpit", true },
        { "vsftpd", "vsftpd", false },
        { "proftpd", "proftpd", false },
        { "pure-ftpd", "pure-ftpd", false },
};

static const struct Daemon *find_daemon(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(daemons); i++)
                if (streq(name, daemons[i].name))
                        return daemons + i;
        return NULL;
}

bool outside_login_is_daemon(const char *name) {
        return find_daemon(name);
}

/* Without PAM, sshd opens no session. */
static bool is_without_pam(char *const *argv) {
        for (char *const *a = argv + 1; *a; a++)
                if (strcasestr(*a, "UsePAM=no") || strcasestr(*a, "UsePAM no"))
                        return true;
        return false;
}

Outside outside_login_look_at_daemon(const char *name, char *const *argv, OutsideFinding *f) {
        const struct Daemon *d = find_daemon(name);
        PamSession session = outside_pam_session(d->service);

        if (session == PAM_SESSION_STAYS || (session == PAM_SESSION_UNKNOWN && !d->always) || is_without_pam(argv))
                return OUTSIDE_NO;
        outside_say_what(f, name, NULL);
        (void) snprintf(f->mend, sizeof(f->mend),
                        "what it runs for a user is in a session (pam_systemd.so by /etc/pam.d/%s), whose processes "
                        "logind takes away; lease what it would run, as a service or a timer",
                        d->service);
        return OUTSIDE_YES;
}
