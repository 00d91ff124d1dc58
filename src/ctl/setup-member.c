/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/setup-member.h"

#include <errno.h>
#include <poll.h>

#include "conf/conf.h"
#include "ctl/output.h"
#include "ctl/program.h"
#include "util/text.h"

/* A change of the members for which etcd is not ready is asked for again so often, and after pauses so long: in all at
 * least 10 s. */
#define ATTEMPTS 20u
#define PAUSE_MS 500

/* How to reach the members of etcd: as leased does, or as the line of the command says. */
typedef struct Reach {
        char *endpoints;              /* separated by commas */
        char *ca, *certificate, *key; /* NULL: http */
} Reach;

static void reach_done(Reach *r) {
        free(r->endpoints);
        free(r->ca);
        free(r->certificate);
        free(r->key);
}

/* Runs etcdctl with these words, which end with NULL. On failure *ret_error is what etcdctl said. */
static int etcdctl(const Reach *r, const char *const *words, char **ret, char **ret_error) {
        const char *argv[24] = { "etcdctl", "--dial-timeout=2s", "--command-timeout=5s", "--endpoints" };
        size_t n = 4;

        if (!program_is_installed("etcdctl"))
                return ctl_fail("etcdctl is not installed, on Debian: apt-get install etcd-client");
        argv[n++] = r->endpoints;
        if (r->ca) {
                argv[n++] = "--cacert";
                argv[n++] = r->ca;
                argv[n++] = "--cert";
                argv[n++] = r->certificate;
                argv[n++] = "--key";
                argv[n++] = r->key;
        }
        for (; *words && n < ELEMENTSOF(argv) - 1; words++)
                argv[n++] = *words;
        return program_run(argv, ret, ret_error) == 0 ? CTL_OK : CTL_FAILED;
}

/* Runs etcdctl for a change of the members, and prints what etcdctl said if the change failed. Tries again for a while
 * if etcd says "unhealthy cluster": etcd refuses a change until all members that it needs have been connected for 5 s,
 * which is so shortly after another change, too. */
static int change_members(const Reach *r, const char *const *words) {
        for (unsigned i = 0;; i++) {
                _cleanup_free_ char *error = NULL;
                int code = etcdctl(r, words, NULL, &error);

                if (code == CTL_OK)
                        return code;
                if (!error || !strstr(error, "unhealthy cluster") || i >= ATTEMPTS) {
                        complain("etcdctl %s %s: %s", words[0], words[1], strempty(error));
                        return code;
                }
                (void) poll(NULL, 0, PAUSE_MS);
        }
}

/* ---- the list ---- */

typedef struct Member {
        const char *id, *status, *name,
                        *urls; /* name: "" until it has started; urls: of peers, with a comma between */
} Member;

typedef struct Members {
        char *text; /* what the members point into */
        Member list[16];
        size_t n;
} Members;

static void members_done(Members *m) {
        free(m->text);
}

/* Takes the next field off a line in which ", " separates the fields. */
static const char *next_field(char **line) {
        char *field = *line, *end = field ? strstr(field, ", ") : NULL;

        *line = end ? end + strlen(", ") : NULL;
        if (end)
                *end = '\0';
        return strempty(field);
}

/* Lists the members, in the form that etcdctl has for people and scripts: "ID, started, NAME, PEERS, CLIENTS,
 * LEARNER". Its JSON is of no use, since the ID is a number there that a signed one of 64 bits cannot hold. */
static int list_members(const Reach *r, Members *ret) {
        static const char *const words[] = { "member", "list", "--write-out=simple", NULL };
        _cleanup_free_ char *error = NULL;
        int code = etcdctl(r, words, &ret->text, &error);
        char *save = NULL;

        if (code != CTL_OK || !ret->text)
                return CTL_FAILED;
        for (char *line = strtok_r(ret->text, "\n", &save); line && ret->n < ELEMENTSOF(ret->list);
                        line = strtok_r(NULL, "\n", &save)) {
                Member *m = ret->list + ret->n++;

                m->id = next_field(&line);
                m->status = next_field(&line);
                m->name = next_field(&line);
                m->urls = next_field(&line);
        }
        return CTL_OK;
}

static bool has_url(const char *urls, const char *url) {
        size_t n = strlen(url);

        for (; *urls; urls += strcspn(urls, ",") + (urls[strcspn(urls, ",")] != '\0'))
                if (strcspn(urls, ",") == n && strncmp(urls, url, n) == 0)
                        return true;
        return false;
}

/* Finds a member by its URL for peers, or by its name; either may be NULL. */
static const Member *find_member(const Members *members, const char *url, const char *name) {
        for (const Member *m = members->list; m < members->list + members->n; m++)
                if ((url && has_url(m->urls, url)) || (name && streq(m->name, name)))
                        return m;
        return NULL;
}

/* ---- of a machine that is being set up ---- */

static int reach_others(const SetupPlan *p, Reach *ret) {
        *ret = (Reach){ .endpoints = setup_endpoints(p, p->here, ',') };
        if (p->tls) {
                ret->ca = strdup(SETUP_TLS_DIRECTORY "/ca.crt");
                ret->certificate = strdup(SETUP_TLS_DIRECTORY "/machine.crt");
                ret->key = strdup(SETUP_TLS_DIRECTORY "/machine.key");
        }
        return ret->endpoints && (!p->tls || (ret->ca && ret->certificate && ret->key)) ? CTL_OK : CTL_FAILED;
}

int setup_member_ask(const SetupPlan *p, Membership *ret) {
        _cleanup_(reach_done) Reach reach = {};
        _cleanup_free_ char *url = setup_url(p, p->here, SETUP_PEER_PORT);
        _cleanup_(members_done) Members members = {};
        const Member *member;

        *ret = MEMBERSHIP_NONE_ANSWERS;
        if (p->n_members == 1)
                return CTL_OK;
        if (!program_is_installed("etcdctl"))
                return ctl_fail("etcdctl is not installed, on Debian: apt-get install etcd-client");
        if (reach_others(p, &reach) != CTL_OK || !url)
                return CTL_FAILED;
        if (list_members(&reach, &members) != CTL_OK)
                return CTL_OK;
        member = find_member(&members, url, NULL);
        *ret = !member ? MEMBERSHIP_STRANGER : isempty(member->name) ? MEMBERSHIP_AWAITED : MEMBERSHIP_STARTED;
        return CTL_OK;
}

static int remove_member(const Reach *r, const Member *member) {
        return change_members(r, (const char *const[]){ "member", "remove", member->id, NULL });
}

static int add_member(const Reach *r, const char *name, const char *url) {
        _cleanup_free_ char *option = text_format("--peer-urls=%s", url);

        return option ? change_members(r, (const char *const[]){ "member", "add", name, option, NULL }) : CTL_FAILED;
}

int setup_member_replace(const SetupPlan *p) {
        _cleanup_(reach_done) Reach reach = {};
        _cleanup_free_ char *url = setup_url(p, p->here, SETUP_PEER_PORT);
        _cleanup_(members_done) Members members = {};
        const Member *member;
        int code = url ? reach_others(p, &reach) : CTL_FAILED;

        if (code == CTL_OK)
                code = list_members(&reach, &members);
        member = find_member(&members, url, NULL);
        if (code == CTL_OK && member)
                code = remove_member(&reach, member);
        return code == CTL_OK ? add_member(&reach, p->here->name, url) : code;
}

/* ---- from any machine that is set up ---- */

static int reach_ours(Reach *ret) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages m = {};
        char *text = NULL;

        *ret = (Reach){};
        if (leased_conf_load("", &conf, &m) < 0) {
                print_messages(&m);
                return CTL_FAILED;
        }
        if (!streq(conf->registry, "etcd"))
                return ctl_fail("this machine goes by no etcd (leased.conf: Registry=%s)", conf->registry);
        text = strdup("");
        for (char **e = conf->endpoints; text && *e; e++) {
                _cleanup_free_ char *before = text;

                text = text_format("%s%s%s", before, *before ? "," : "", *e);
        }
        ret->endpoints = text;
        ret->ca = TAKE_PTR(conf->ca_file);
        ret->certificate = TAKE_PTR(conf->cert_file);
        ret->key = TAKE_PTR(conf->key_file);
        return text ? CTL_OK : CTL_FAILED;
}

int setup_member_add(Ctl *ctl, const char *word) {
        _cleanup_(reach_done) Reach reach = {};
        _cleanup_free_ char *url = NULL;
        _cleanup_(members_done) Members members = {};
        SetupMachine machine;
        int code = setup_machine_parse(word, &machine);

        if (code == CTL_OK)
                code = reach_ours(&reach);
        if (code != CTL_OK)
                return code;
        url = setup_url(&(SetupPlan){ .tls = reach.ca }, &machine, SETUP_PEER_PORT);
        code = list_members(&reach, &members);
        if (code != CTL_OK || !url)
                return ctl_fail("no member of etcd answers: %s", reach.endpoints);
        if (find_member(&members, url, machine.name))
                return ctl_fail("%s: is a member already, or one of that name is: leasectl setup --remove %s", word,
                                machine.name);
        if (members.n >= SETUP_MEMBERS)
                return ctl_fail("etcd has %zu members, and would be no safer with one more: remove one before "
                                "(leasectl setup --remove NAME), or let %s be a client: name it behind the members in "
                                "the line of leasectl setup",
                                members.n, machine.name);
        if (members.n == 1) /* the new one could not be set up either: leasectl setup takes no line of two */
                return ctl_fail("etcd has one member, and with two it stops as soon as either of them does: leasectl "
                                "setup begins a cluster of three, and adds no second member");
        if (ctl->dry_run) {
                say("%s: would be added to the members of etcd", machine.name);
                return CTL_OK;
        }
        code = add_member(&reach, machine.name, url);
        if (code == CTL_OK)
                say("%s: is awaited as a member; there, with all members: leasectl setup; then the same on each other "
                    "machine, with --anyway",
                                machine.name);
        return code;
}

int setup_member_remove(Ctl *ctl, const char *name) {
        _cleanup_(reach_done) Reach reach = {};
        _cleanup_(members_done) Members members = {};
        const Member *member;
        int code = reach_ours(&reach);

        if (code != CTL_OK)
                return code;
        if (list_members(&reach, &members) != CTL_OK)
                return ctl_fail("no member of etcd answers: %s", reach.endpoints);
        member = find_member(&members, NULL, name);
        if (!member)
                return ctl_fail("%s: no member of etcd has that name", name);
        if (ctl->dry_run) {
                say("%s: would be removed from the members of etcd", name);
                return CTL_OK;
        }
        code = remove_member(&reach, member);
        if (code == CTL_OK && members.n == 3) /* leasectl setup takes no line of the two that are left */
                say("%s: is no member any more; the 2 that are left must both be up: add a third, on one of them: "
                    "leasectl setup --add NAME=ADDRESS",
                                name);
        else if (code == CTL_OK)
                say("%s: is no member any more; on each machine that is left, with all members: leasectl setup "
                    "--anyway",
                                name);
        return code;
}
