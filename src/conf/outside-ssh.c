/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-ssh.h"

#include <arpa/inet.h>
#include <strings.h>
#include <unistd.h>

#include "conf/argv.h"

#define OF_SSH "BbcDEeFIiJLlmOoPpQRSWw" /* its options that take a value, which may stand in the same word */

/* ---- hosts ---- */

/* Whether a name is that of this machine, with or without its domain. */
static bool is_own_name(const char *host) {
        char own[256] = "";
        size_t n;

        (void) gethostname(own, sizeof(own) - 1);
        n = strcspn(own, ".");
        return n > 0 && strncasecmp(host, own, n) == 0 &&
               (!host[n] || (host[n] == '.' && (!own[n] || strcasecmp(host, own) == 0)));
}

static bool host_is_here(const char *host) {
        static const char names[] = "localhost localhost.localdomain localhost4 localhost6 ip6-localhost ip6-loopback";
        const char *top = strrchr(host, '.');
        struct in6_addr six;
        struct in_addr four;
        char lower[256];

        if (inet_aton(host, &four)) /* also "0", "127.1" and "0x7f000001" */
                return four.s_addr == 0 || ntohl(four.s_addr) >> 24 == 127;
        if (inet_pton(AF_INET6, host, &six) == 1)
                return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_UNSPECIFIED(&six) ||
                       (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
        str_copy(lower, sizeof(lower), host);
        for (char *c = lower; *c; c++)
                *c = *c >= 'A' && *c <= 'Z' ? (char) (*c - 'A' + 'a') : *c;
        return argv_list_has(names, lower) || (top && strcasecmp(top, ".localhost") == 0) || is_own_name(host);
}

bool outside_address_is_here(const char *address) {
        const char *at = strstr(address, "://");
        char host[256], *path;
        size_t n;

        str_copy(host, sizeof(host), at ? at + strlen("://") : address);
        path = strchr(host, '/');
        if (path)
                *path = '\0';
        at = host;
        for (const char *c = host; *c; c++)
                if (*c == '@') /* behind the user's name */
                        at = c + 1;
        at += *at == '[';
        n = strcspn(at, strchr(at, ']') ? "]%" : strchr(at, ':') == strrchr(at, ':') ? ":%" : "%");
        memmove(host, at, n);
        while (n > 0 && host[n - 1] == '.')
                n--;
        host[n] = '\0';
        return host[0] ? host_is_here(host) : strstr(address, "://") != NULL;
}

/* ---- ssh ---- */

/* Gives the destination, or NULL if ssh only forwards something (-N, -W) or is asked for something else. The name that
 * an option puts in its place is in *ret_name, or NULL is. The first such option counts. */
static char *const *ssh_destination(char *const *argv, const char *valued, const char **ret_name) {
        char *const *a = argv + 1;

        *ret_name = NULL;
        for (; *a && **a == '-'; a++) {
                const char *letter = *a + 1;
                const char *value;

                while (*letter && *letter != 'N' && !strchr(valued, *letter))
                        letter++;
                if (*letter && strchr("NOQW", *letter))
                        return NULL;
                value = letter[0] && letter[1] ? letter + 1 : *letter && a[1] ? *++a : "";
                if (*letter == 'o' && !*ret_name && strncasecmp(value, "hostname", strlen("hostname")) == 0)
                        *ret_name = value + strlen("hostname") + strspn(value + strlen("hostname"), " \t=");
        }
        return *a ? a : NULL;
}

bool outside_ssh_runs_here(char *const *argv) {
        const char *name, *valued = streq(base_name(argv[0]), "autossh") ? OF_SSH "M" : OF_SSH;
        char *const *destination = ssh_destination(argv, valued, &name);

        return destination && destination[1] && outside_address_is_here(name ?: *destination);
}
