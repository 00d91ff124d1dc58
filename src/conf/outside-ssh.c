/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-ssh.h"

#include <unistd.h>

#define OF_SSH "BbcDEeFIiJLlmOoPpQRSWw" /* its options that take a value, which may stand in the same word */

/* Gives the destination, or NULL if ssh only forwards something (-N, -W) or is asked for something else. */
static char *const *ssh_destination(char *const *argv) {
        char *const *a = argv + 1;

        for (; *a && **a == '-'; a++) {
                const char *letter = *a + 1 + strcspn(*a + 1, OF_SSH "N");

                if (*letter && strchr("NOQW", *letter))
                        return NULL;
                if (*letter && !letter[1] && a[1])
                        a++;
        }
        return *a ? a : NULL;
}

static bool is_this_machine(const char *destination) {
        char host[256], own[256] = "";
        const char *at = startswith(destination, "ssh://") ? destination + strlen("ssh://") : destination;
        size_t n;

        for (const char *c = at; *c; c++)
                if (*c == '@') /* behind the user's name */
                        at = c + 1;
        at += *at == '[';
        str_copy(host, sizeof(host), at);
        n = strcspn(host, strchr(host, ']') ? "]" : strchr(host, ':') == strrchr(host, ':') ? ":" : "");
        host[n] = '\0';
        (void) gethostname(own, sizeof(own) - 1);
        return streq(host, "localhost") || streq(host, "localhost.localdomain") || streq(host, "ip6-localhost") ||
               startswith(host, "127.") || streq(host, "::1") || (own[0] && streq(host, own));
}

bool outside_ssh_runs_here(char *const *argv) {
        char *const *destination = ssh_destination(argv);

        return destination && destination[1] && is_this_machine(*destination);
}
