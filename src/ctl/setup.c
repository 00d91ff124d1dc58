/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl setup: makes a cluster of fresh machines. The same line is given on each machine. The first three machines
 * are members of an etcd of their own (leased-etcd.service), the others are its clients. leased is told of this etcd
 * and started.
 *
 * Files are written only if they are missing, or with --anyway. If the line is given again, it changes nothing. A
 * member that has lost its data must not begin as if it were new, since it would forget what it has voted for. So the
 * other members are asked first; --rejoin then removes the lost member and adds it again.
 */

#include <errno.h>
#include <unistd.h>

#include "conf/conf.h"
#include "ctl/bus.h"
#include "ctl/files.h"
#include "ctl/output.h"
#include "ctl/program.h"
#include "ctl/progress.h"
#include "ctl/setup-member.h"
#include "ctl/setup-tls.h"
#include "util/file-util.h"
#include "util/names.h"

/* How long nothing is shown, as elsewhere (ctl/progress.h). */
#define QUIET (2 * USEC_PER_SEC)
/* How long a service may fail again and again: it may have to wait for what another one is about to write. */
#define FAILURES_MAX (10 * USEC_PER_SEC)

/* ---- files ---- */

typedef struct File {
        const char *path;
        char *text;
        bool differs; /* from what is there */
} File;

typedef struct Files {
        File list[3];
        size_t n;
} Files;

static void files_done(Files *f) {
        for (size_t i = 0; i < f->n; i++)
                free(f->list[i].text);
}

static void files_add(Files *f, const char *path, char *text) {
        f->list[f->n++] = (File){ .path = path, .text = text };
}

/* Compares the files with those that are there. *ret_differ: at least one is missing or differs. */
static int files_compare(const Ctl *ctl, Files *files, bool *ret_differ) {
        int code = CTL_OK;

        *ret_differ = false;
        for (File *f = files->list; f < files->list + files->n; f++) {
                _cleanup_free_ char *present = NULL;
                int r = f->text ? read_file(f->path, 65536, &present, NULL) : -ENOMEM;

                if (r < 0 && r != -ENOENT)
                        return files_complain(f->path, r);
                f->differs = r < 0 || !streq(present, f->text);
                *ret_differ |= f->differs;
                if (r < 0 || !f->differs || ctl->anyway)
                        continue;
                complain("%s: is there, and is another than this line makes; see --dry-run, and give --anyway to "
                         "write it",
                                f->path);
                code = CTL_FAILED;
        }
        return code;
}

static void files_show(const Files *files) {
        say_whole_lines();
        for (const File *f = files->list; f < files->list + files->n; f++) {
                say("%s%s:", f->path, f->differs ? "" : " (is there)");
                for (const char *line = f->text; *line; line += strcspn(line, "\n") + 1)
                        say("    %.*s", (int) strcspn(line, "\n"), line);
        }
}

static int files_put(const Files *files) {
        for (const File *f = files->list; f < files->list + files->n; f++) {
                _cleanup_free_ char *directory = strndup(f->path, (size_t) (strrchr(f->path, '/') - f->path));
                int r = 0;

                if (!f->differs)
                        continue;
                r = directory ? mkdir_parents(directory, 0755) : -ENOMEM;
                if (r >= 0)
                        r = write_file_atomic(f->path, f->text, strlen(f->text), 0644, WRITE_SYNC);
                if (r < 0)
                        return files_complain(f->path, r);
                say("wrote %s", f->path);
        }
        return CTL_OK;
}

/* ---- services ---- */

static int service_call(Ctl *ctl, const char *method, const char *service) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = streq(method, "EnableUnitFiles")
                                ? bus_call(ctl->bus, &bus_pid1, method, NULL, &error, "asbb", 1, service, 0, 0)
                                : bus_call(ctl->bus, &bus_pid1, method, NULL, &error, "ss", service, "replace");

        return r < 0 ? bus_complain(service, r, &error) : CTL_OK;
}

static int service_state(Ctl *ctl, const char *service, char *ret, size_t size) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *unit = NULL;
        int r = bus_load_unit(ctl->bus, service, "org.freedesktop.systemd1.Unit", &unit, &error);

        if (r < 0)
                return bus_complain(service, r, &error);
        if (streq(get_string(unit, "LoadState"), "not-found"))
                return ctl_fail("%s is not installed", service);
        str_copy(ret, size, get_string(unit, "ActiveState"));
        return CTL_OK;
}

/* Shows what is waited for, once, or on a terminal over and over. */
static void show_waiting(usec_t since, const char *text, bool *shown) {
        if (now_boottime() < since + QUIET || (*shown && !isatty(STDERR_FILENO)))
                return;
        if (isatty(STDERR_FILENO))
                say_over(text);
        else
                say_progress(text);
        *shown = true;
}

static void end_waiting(bool shown) {
        if (shown && isatty(STDERR_FILENO))
                say_over(NULL);
}

/* Gives up on a service that has failed for as long as it may. *since: when it first did; 0: it has not. */
static int check_fails(Ctl *ctl, const char *service, usec_t *since) {
        bool fails = bus_service_fails(ctl->bus, service);

        if (fails && *since == 0)
                *since = now_boottime();
        if (!fails || now_boottime() < *since + FAILURES_MAX)
                return CTL_OK;
        return ctl_fail("%s cannot start here, look at: journalctl -u %s; then run the same line again", service,
                        service);
}

static int wait_etcd(Ctl *ctl) {
        usec_t since = now_boottime(), failed = 0;
        bool shown = false;
        char state[32];
        int code;

        for (;;) {
                code = service_state(ctl, SETUP_ETCD_SERVICE, state, sizeof(state));
                if (code != CTL_OK || streq(state, "active") ||
                                (code = check_fails(ctl, SETUP_ETCD_SERVICE, &failed)) != CTL_OK)
                        break;
                show_waiting(since, "etcd waits for the other members: run the same line on each of them", &shown);
                (void) usleep(PROGRESS_POLL);
        }
        end_waiting(shown);
        return code;
}

/* Whether leased takes no lease yet, for a reason that is over soon. A machine that has just heard of its first
 * registry waits one TTL; whoever gives this command wants to run units next. */
static bool still_waits(const json_t *manager, const char **ret) {
        const char *state = get_string(manager, "RegistryState");
        bool unheard = streq(state, "connecting") || streq(state, "trouble");
        json_int_t why = get_integer(manager, "WhyNotCode");

        *ret = unheard ? "leased waits for the registry: leasectl status says more"
                       : "leased waits one TTL, once, before it takes a lease: leasectl status says until when";
        return unheard || why == WHY_REGISTRY_UNHEARD || why == WHY_NO_BEAT_YET || why == WHY_NOTHING_REMEMBERED;
}

static int wait_leased(Ctl *ctl) {
        const char *text = "leased waits for the bus: leasectl status says more";
        usec_t since = now_boottime(), failed = 0;
        int code = CTL_OK, r = bus_leased_runs(ctl->bus);
        bool shown = false;

        for (; r >= 0 && code == CTL_OK; r = bus_leased_runs(ctl->bus)) {
                json_auto_t *manager = NULL;

                if (r > 0 && bus_get_manager(ctl->bus, &manager, NULL) >= 0 && !still_waits(manager, &text))
                        break;
                show_waiting(since, text, &shown);
                (void) usleep(PROGRESS_POLL);
                code = r > 0 ? CTL_OK : check_fails(ctl, DAEMON_SERVICE, &failed);
        }
        end_waiting(shown);
        return r < 0 ? bus_complain("leased", r, NULL) : code;
}

/* Enables and starts a service, or restarts it if its files have changed. */
static int service_begin(Ctl *ctl, const char *service, bool changed) {
        char state[32];
        int code = service_state(ctl, service, state, sizeof(state));

        if (code == CTL_OK)
                code = service_call(ctl, "EnableUnitFiles", service);
        if (code == CTL_OK)
                code = service_call(ctl, changed && streq(state, "active") ? "RestartUnit" : "StartUnit", service);
        return code;
}

/* ---- before anything is changed ---- */

/* Looks whether this machine may become what the line makes of it, by what it is already. A client that goes on as a
 * member of etcd would be counted by the other members, and nobody would know. A member keeps the addresses of the
 * others in its data, so new files alone do not turn it to TLS. */
static int check_former(const SetupPlan *p) {
        _cleanup_free_ char *text = NULL;
        bool with_tls, has_data = access(SETUP_ETCD_DATA "/member", F_OK) == 0;
        int r = read_file(SETUP_ETCD_FILE, 65536, &text, NULL);

        if (r < 0)
                return r == -ENOENT ? CTL_OK : files_complain(SETUP_ETCD_FILE, r);
        with_tls = strstr(text, "URLS=https:") != NULL;
        if (setup_is_member(p) && has_data && with_tls != p->tls)
                return ctl_fail("the etcd that this machine is a member of was made %s --tls, and stays so: give the "
                                "line %s --tls",
                                p->tls ? "without" : "with", p->tls ? "without" : "with");
        if (setup_is_member(p))
                return CTL_OK;
        return ctl_fail("by this line %s would be a client of etcd, and has a member (" SETUP_ETCD_FILE
                        "). If it is a member no more: systemctl disable --now leased-etcd; "
                        "rm -rf " SETUP_ETCD_FILE " " SETUP_ETCD_DATA " " SETUP_ETCD_PRIVATE,
                        p->here->name);
}

/* Looks whether this machine may begin as a member, and whether as a new one. */
static int check_membership(const Ctl *ctl, SetupPlan *p) {
        Membership membership;
        int code;

        if (access(SETUP_ETCD_DATA "/member", F_OK) ==
                        0) { /* it is one: what it is asked for at its start is in its data */
                _cleanup_free_ char *text = NULL;

                p->joining = read_file(SETUP_ETCD_FILE, 65536, &text, NULL) >= 0 && strstr(text, "STATE=existing\n");
                return CTL_OK;
        }
        code = setup_member_ask(p, &membership);
        if (code != CTL_OK)
                return code;
        p->joining = membership != MEMBERSHIP_NONE_ANSWERS;
        switch (membership) {
        case MEMBERSHIP_STRANGER:
                return ctl_fail("%s is no member of the etcd that answers: on a member, run first: leasectl setup "
                                "--add "
                                "%s=%s",
                                p->here->name, p->here->name, p->here->address);
        case MEMBERSHIP_STARTED:
                if (ctl->setup != SETUP_REJOIN)
                        return ctl_fail("%s is a member of the etcd that answers, and there are no data of it "
                                        "in " SETUP_ETCD_DATA
                                        ": if they are gone, give --rejoin --anyway to let it begin again "
                                        "with the others' data; if it runs under another unit, name its endpoints in "
                                        "leased.conf, without setup",
                                        p->here->name);
                p->lost = true;
                return CTL_OK;
        default:
                return CTL_OK;
        }
}

static int check_programs(const SetupPlan *p) {
        if (setup_is_member(p) && !program_is_installed("etcd"))
                return ctl_fail("etcd is not installed, on Debian: apt-get install etcd-server etcd-client");
        return CTL_OK;
}

/* Looks whether the settings are in force: a later file may say otherwise. */
static int check_in_force(const SetupPlan *p) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages m = {};
        _cleanup_free_ char *first = setup_url(p, p->machines, SETUP_CLIENT_PORT);

        if (leased_conf_load("", &conf, &m) < 0) {
                print_messages(&m);
                return CTL_FAILED;
        }
        if (first && streq(conf->registry, "etcd") && strv_contains(conf->endpoints, first))
                return CTL_OK;
        return ctl_fail(SETUP_CONF_FILE " is not in force: remove Registry= and Endpoints= from the later files "
                                        "in " LEASED_CONF_DIRECTORY);
}

/* ---- the verb ---- */

static int begin_all(Ctl *ctl, const SetupPlan *p, bool changed) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int code = CTL_OK, r = bus_call(ctl->bus, &bus_pid1, "Reload", NULL, &error, NULL);

        if (r < 0)
                return bus_complain("systemd", r, &error);
        if (setup_is_member(p)) {
                code = service_begin(ctl, SETUP_ETCD_SERVICE, false);
                if (code == CTL_OK && ctl->wait)
                        code = wait_etcd(ctl);
        }
        if (code == CTL_OK)
                code = check_in_force(p);
        if (code == CTL_OK)
                code = service_begin(ctl, "leased.service", changed);
        return code == CTL_OK && ctl->wait ? wait_leased(ctl) : code;
}

static int set_up(Ctl *ctl, SetupPlan *p) {
        _cleanup_(files_done) Files files = {};
        bool differ = false;
        int code = check_programs(p);

        if (code == CTL_OK)
                code = check_former(p);
        if (code == CTL_OK && p->tls)
                code = setup_tls_prepare(p, ctl->dry_run);
        if (code == CTL_OK && setup_is_member(p))
                code = check_membership(ctl, p);
        if (code != CTL_OK)
                return code;
        if (setup_is_member(p))
                files_add(&files, SETUP_ETCD_FILE, setup_etcd_text(p));
        if (setup_is_member(p) && p->tls)
                files_add(&files, SETUP_TLS_DROPIN, setup_tls_dropin());
        files_add(&files, SETUP_CONF_FILE, setup_conf_text(p));
        code = files_compare(ctl, &files, &differ);
        if (ctl->dry_run) {
                files_show(&files);
                if (p->lost)
                        say("%s: would be removed from the members of etcd, and added again", p->here->name);
                return code;
        }
        if (code == CTL_OK && p->lost)
                code = setup_member_replace(p);
        if (code == CTL_OK)
                code = files_put(&files);
        if (code == CTL_OK)
                code = begin_all(ctl, p, differ);
        if (code == CTL_OK && ctl->legend)
                say("%s: %s, leased runs%s", p->here->name,
                                setup_is_member(p) ? "a member of etcd" : "a client of etcd",
                                differ ? "" : "; nothing had to be changed");
        return code;
}

int verb_setup(Ctl *ctl, int argc, char **argv) {
        _cleanup_(setup_plan_done) SetupPlan plan = {};
        int code;

        if (ctl->setup == SETUP_ADD || ctl->setup == SETUP_REMOVE) {
                if (argc != 1) {
                        complain("usage: leasectl setup --add NAME=ADDRESS, or --remove NAME");
                        return CTL_USAGE;
                }
                return ctl->setup == SETUP_ADD ? setup_member_add(ctl, argv[0]) : setup_member_remove(ctl, argv[0]);
        }
        code = setup_plan_read(argc, argv, &plan);
        if (code != CTL_OK)
                return code;
        plan.tls = ctl->tls;
        return set_up(ctl, &plan);
}
