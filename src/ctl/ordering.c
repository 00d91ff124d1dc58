/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ordering.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/dropin.h"
#include "ctl/bus.h"
#include "ctl/finding.h"
#include "ctl/files.h"
#include "ctl/members.h"
#include "ctl/pid1.h"
#include "util/file-util.h"
#include "util/strv.h"

#define DROPIN "/etc/systemd/system/leased.service.d/registry.conf"
#define SERVERS_FILE "/run/leased/registry-servers"
#define DROPIN_SIZE_MAX ((size_t) 64 * 1024)
#define DROPIN_HEAD                                                                                                   \
        "# Written by leasectl: the units that serve the registry on this machine, so that at a shutdown they stop "  \
        "after\n"                                                                                                     \
        "# leased has given its leases back. Lines may be added and removed.\n"                                       \
        "[Unit]\n"

/* ---- the endpoint ---- */

typedef struct Address {
        char host[256];
        char port[8];
} Address;

/* Takes an endpoint apart, "http://HOST:PORT", as leased.conf has it; the host may be in brackets. */
static bool parse_endpoint(const char *endpoint, Address *ret) {
        const char *p = strstr(endpoint, "://"), *end;
        const char *port = startswith(endpoint, "https:") ? "443" : "80";
        size_t n;

        if (!p)
                return false;
        p += strlen("://");
        if (*p == '[') {
                p++;
                n = strcspn(p, "]");
                end = p + n + (p[n] == ']');
        } else {
                n = strcspn(p, ":/");
                end = p + n;
        }
        str_copy(ret->host, MIN(sizeof(ret->host), n + 1), p);
        (void) snprintf(ret->port, sizeof(ret->port), "%s", port);
        if (*end == ':')
                str_copy(ret->port, MIN(sizeof(ret->port), strspn(end + 1, "0123456789") + 1), end + 1);
        return true;
}

/* Whether an address is one of this machine, which is so if a socket can be bound to it. */
static bool is_local(const Address *a) {
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        struct addrinfo *list = NULL;
        bool local = false;

        if (getaddrinfo(a->host, NULL, &hints, &list) != 0)
                return false;
        for (const struct addrinfo *i = list; i && !local; i = i->ai_next) {
                _cleanup_close_ int fd = socket(i->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

                local = fd >= 0 && bind(fd, i->ai_addr, i->ai_addrlen) == 0;
        }
        freeaddrinfo(list);
        return local;
}

/* ---- who listens ---- */

/* Adds the sockets that listen on a port, by their inodes ("socket:[123]"). The file is /proc/net/tcp or tcp6. */
static int add_listeners(const char *path, unsigned port, char ***sockets) {
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        FILE *f = fopen(path, "re");
        int r = 0;

        if (!f)
                return errno == ENOENT ? 0 : -errno;
        while (r >= 0 && getline(&line, &size, f) >= 0) {
                unsigned local, state;
                unsigned long long inode;
                char name[40];

                /* sl local:port remote:port st tx:rx tr:when retrnsmt uid timeout inode */
                if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %2x %*x:%*x %*x:%*x %*x %*u %*u %llu",
                                    &local, &state, &inode) != 3 ||
                                local != port || state != 10 /* TCP_LISTEN */)
                        continue;
                (void) snprintf(name, sizeof(name), "socket:[%llu]", inode);
                r = strv_add(sockets, name);
        }
        (void) fclose(f);
        return r < 0 ? r : 0;
}

static bool has_one_open(const char *pid, char *const *sockets) {
        char path[64], link[320], target[64];
        const struct dirent *each;
        bool found = false;
        DIR *d;

        (void) snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
        d = opendir(path);
        while (d && !found && (each = readdir(d))) {
                ssize_t n;

                (void) snprintf(link, sizeof(link), "%s/%s", path, each->d_name);
                n = readlink(link, target, sizeof(target) - 1);
                if (n > 0) {
                        target[n] = '\0';
                        found = strv_contains(sockets, target);
                }
        }
        if (d)
                (void) closedir(d);
        return found;
}

/* Adds the service to which a process belongs. For a docker container that is the engine, since a container has
 * another name each time. */
static int add_unit_of(Ctl *ctl, const char *pid, char ***units) {
        json_auto_t *answer = NULL, *props = NULL;
        const char *id;

        if (bus_call(ctl->bus, &bus_pid1, "GetUnitByPID", &answer, NULL, "u", (uint32_t) strtoul(pid, NULL, 10)) < 0 ||
                        bus_get_all(ctl->bus, bus_pid1.name, string_at(answer, 0), PID1_UNIT, &props, NULL) < 0)
                return 0; /* the process has ended */
        id = get_string(props, "Id");
        if (startswith(id, "docker-") && endswith(id, ".scope"))
                id = "docker.service";
        return endswith(id, ".service") ? strv_add(units, id) : 0;
}

static int add_servers(Ctl *ctl, char *const *sockets, char ***units) {
        const struct dirent *each;
        DIR *d = opendir("/proc");
        int r = 0;

        if (!d)
                return -errno;
        while (r >= 0 && (each = readdir(d)))
                if (isdigit((unsigned char) each->d_name[0]) && has_one_open(each->d_name, sockets))
                        r = add_unit_of(ctl, each->d_name, units);
        (void) closedir(d);
        return r < 0 ? r : 0;
}

/* Adds the sockets of the registry on this machine: those that listen on an endpoint. */
static int add_registry_sockets(const LeasedConf *conf, char ***sockets) {
        int r = 0;

        for (char **e = conf->endpoints; r >= 0 && streq(conf->registry, "etcd") && e && *e; e++) {
                _cleanup_(strv_freep) char **found = NULL;
                unsigned port;
                Address a;

                if (!parse_endpoint(*e, &a))
                        continue;
                port = (unsigned) strtoul(a.port, NULL, 10);
                r = add_listeners("/proc/net/tcp", port, &found);
                if (r >= 0)
                        r = add_listeners("/proc/net/tcp6", port, &found);
                if (r < 0 || !found || !is_local(&a)) /* the name is looked up only if somebody listens */
                        continue;
                for (char **s = found; r >= 0 && *s; s++)
                        r = strv_contains(*sockets, *s) ? 0 : strv_add(sockets, *s);
        }
        return r;
}

/* Adds the services that were found to have these sockets, if they are the same as the last time. To find out, the
 * descriptors of all processes are looked at, and there may be thousands. */
static int recall_servers(char *const *sockets, char ***units) {
        _cleanup_(strv_freep) char **lines = NULL;
        _cleanup_free_ char *text = NULL;
        char **line;
        int r = read_file(SERVERS_FILE, DROPIN_SIZE_MAX, &text, NULL);

        if (r >= 0)
                r = strv_split_lines(text, &lines);
        if (r < 0)
                return r;
        for (line = lines; line && *line && *sockets; line++, sockets++)
                if (!streq(*line, *sockets))
                        return -ENOENT;
        if (*sockets)
                return -ENOENT;
        for (; line && *line; line++)
                if (startswith(*line, "socket:"))
                        return -ENOENT;
                else if (strv_add(units, *line) < 0)
                        return -ENOMEM;
        return 0;
}

/* A failure is ignored, since this only spares the next command the search. */
static void keep_servers(char *const *sockets, char *const *units) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return;
        for (; *sockets; sockets++)
                (void) fprintf(f, "%s\n", *sockets);
        for (; units && *units; units++)
                (void) fprintf(f, "%s\n", *units);
        if (fclose(f) == 0)
                (void) write_file_atomic(SERVERS_FILE, text, size, 0644, 0);
}

static int find_servers(Ctl *ctl, const LeasedConf *conf, char ***ret) {
        _cleanup_(strv_freep) char **sockets = NULL, **units = NULL;
        int r = add_registry_sockets(conf, &sockets);

        if (r >= 0 && sockets && recall_servers(sockets, &units) < 0) {
                units = strv_free(units);
                r = add_servers(ctl, sockets, &units);
                if (r >= 0 && units)
                        keep_servers(sockets, units);
        }
        if (r < 0)
                return ctl_fail("leased.service: cannot tell who serves the registry here: %s", strerror(-r));
        *ret = TAKE_PTR(units);
        return CTL_OK;
}

/* ---- what is missing ---- */

/* Whether a unit can be made to start before leased. A unit that comes after leased, or that goes by a lease,
 * cannot. */
static bool can_come_before(const json_t *leased, const char *unit) {
        _cleanup_free_ char *owner = dropin_owner("", unit);

        return !owner && !files_listed(unit) && !pid1_lists(leased, "Before", unit);
}

static int find_missing(Ctl *ctl, const LeasedConf *conf, char ***ret) {
        _cleanup_(strv_freep) char **servers = NULL, **missing = NULL;
        json_auto_t *leased = NULL;
        int code = pid1_load(ctl->bus, DAEMON_SERVICE, &leased);

        if (code == CTL_OK)
                code = find_servers(ctl, conf, &servers);
        for (char **s = servers; code == CTL_OK && s && *s; s++)
                if (!pid1_lists(leased, "After", *s) && can_come_before(leased, *s) && strv_add(&missing, *s) < 0)
                        return ctl_fail("leased.service: out of memory");
        *ret = TAKE_PTR(missing);
        return code;
}

int ordering_examine(Ctl *ctl, const LeasedConf *conf, json_t *findings) {
        _cleanup_(strv_freep) char **missing = NULL;
        int code = find_missing(ctl, conf, &missing);

        for (char **m = missing; m && *m; m++)
                finding_add(findings, "weak",
                                "%s serves the registry on this machine and may stop before leased at a shutdown, so "
                                "that "
                                "leases are not given back: leasectl reload writes After=%s into " DROPIN,
                                *m, *m);
        return code;
}

static int write_dropin(char *const *missing) {
        _cleanup_free_ char *old = NULL, *text = NULL;
        size_t size = 0;
        FILE *f;
        int r = read_file(DROPIN, DROPIN_SIZE_MAX, &old, NULL);

        if (r < 0 && r != -ENOENT)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        (void) fputs(old ?: DROPIN_HEAD, f);
        for (; *missing; missing++)
                (void) fprintf(f, "After=%s\n", *missing);
        if (fclose(f) != 0)
                return -ENOMEM;
        r = mkdir_parents("/etc/systemd/system/leased.service.d", 0755);
        return r < 0 ? r : write_file_atomic(DROPIN, text, size, 0644, WRITE_SYNC);
}

int ordering_write(Ctl *ctl, const LeasedConf *conf, bool *ret_changed) {
        _cleanup_(strv_freep) char **missing = NULL;
        int code = find_missing(ctl, conf, &missing), r;

        *ret_changed = false;
        if (code != CTL_OK || !missing)
                return code;
        r = write_dropin(missing);
        if (r < 0)
                return files_complain(DROPIN, r);
        for (char **m = missing; *m; m++)
                complain("note: leased.service: stops before %s from now on, which serves the registry here (" DROPIN
                         ")",
                                *m);
        *ret_changed = true;
        return CTL_OK;
}
