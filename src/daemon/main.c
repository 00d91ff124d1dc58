/* SPDX-License-Identifier: Apache-2.0 */

/* leased: runs a unit on exactly one of N machines. This file is the checklist of a start. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/unit-files.h"
#include "daemon/daemon.h"
#include "daemon/last-conf.h"
#include "daemon/reload.h"
#include "util/event-log.h"
#include "util/log.h"

static void help(void) {
        (void) printf("leased [OPTIONS...]\n\n"
                      "Runs enabled units on this machine while it holds their leases. Started by leased.service.\n\n"
                      "  -h --help          Show this help\n"
                      "     --version       Show the version\n"
                      "     --config-check  Read the configuration, show what is in force, and exit\n\n"
                      "See leased(8), leased.conf(5), leasectl(1).\n");
}

/* 1: go on, 0: done, negative: wrong arguments. */
static int parse_argv(int argc, char *argv[], bool *ret_check) {
        enum { ARG_VERSION = 256, ARG_CHECK };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                { "config-check", no_argument, NULL, ARG_CHECK },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case ARG_VERSION:
                        (void) printf("leased " LEASED_VERSION "\n");
                        return 0;
                case ARG_CHECK:
                        *ret_check = true;
                        break;
                default: /* getopt has printed what is wrong */
                        return -EINVAL;
                }
        if (optind < argc) {
                log_error("leased takes no arguments: %s", argv[optind]);
                return -EINVAL;
        }
        return 1;
}

static int load_conf(bool check, LeasedConf **ret, Messages *wrong) {
        int r = (check ? leased_conf_load : leased_conf_load_in_service)("", ret, wrong);

        reload_log_messages(wrong);
        if (r < 0 && wrong->n == 0)
                (void) log_error_errno(r, "cannot load the configuration");
        return r;
}

/* Whether the TTL leaves every enabled unit the time to stop that it asks for. */
static bool serves_units(const LeasedConf *conf, Messages *messages) {
        _cleanup_(messages_done) Messages of_units = {}; /* logged when the units are configured */
        _cleanup_(strv_freep) char **names = NULL;
        size_t before = messages->n;

        (void) enabled_units_list("", &names, &of_units);
        unit_files_remember("");
        for (char **name = names; name && *name; name++) {
                _cleanup_(unit_options_freep) UnitOptions *options = NULL;

                (void) unit_options_load("", *name, &options, &of_units);
                if (options)
                        (void) unit_options_check_ttl(options, conf, messages);
        }
        unit_files_forget();
        return messages->n == before;
}

/* A configuration that a reload would have refused is not taken at a start either, if the one that was last in force
 * is known. *wrong: what is wrong with the files while that one is in force instead. */
static int load_best_conf(LeasedConf **ret, Messages *wrong) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL, *last = NULL;
        _cleanup_(messages_done) Messages of_units = {}, of_last = {}, of_its_units = {};
        int r = load_conf(false, &conf, wrong);
        bool known = last_conf_load(&last, &of_last) >= 0;
        /* As in a reload, only a shorter TTL is looked at with the files of all units. */
        bool good = r >= 0 && ((known && conf->ttl >= last->ttl) || serves_units(conf, &of_units));

        reload_log_messages(&of_units);
        if (!good && known && (r >= 0 || r == -EBADMSG) && (r < 0 || serves_units(last, &of_its_units))) {
                log_warning("going on with the configuration that was last in force, until leased.conf is right");
                for (size_t i = 0; i < of_units.n; i++)
                        messages_add(wrong, "%s", of_units.lines[i]);
                *ret = TAKE_PTR(last);
                return 0;
        }
        for (size_t i = 0; r < 0 && i < of_last.n; i++)
                log_error("cannot go on with what was last in force: %s", of_last.lines[i]);
        if (r >= 0)
                *ret = TAKE_PTR(conf);
        return r;
}

static int check_units(const LeasedConf *conf) {
        _cleanup_(messages_done) Messages messages = {};
        _cleanup_(strv_freep) char **names = NULL;
        int r = enabled_units_list("", &names, &messages);

        if (r < 0)
                messages_add(&messages, "cannot list /etc/leased/units: %s", strerror(-r));
        unit_files_remember("");
        for (char **name = names; name && *name; name++) {
                _cleanup_(unit_options_freep) UnitOptions *options = NULL;

                if (unit_options_load("", *name, &options, &messages) >= 0 &&
                                unit_options_check(options, conf->ttl, USEC_INFINITY, &messages) >= 0)
                        (void) printf("# enabled: %s, lease %s\n", *name, options->lease);
        }
        unit_files_forget();
        reload_log_messages(&messages);
        return messages.n > 0 ? -EBADMSG : 0;
}

int main(int argc, char *argv[]) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages wrong = {};
        _cleanup_(daemon_freep) Daemon *daemon = NULL;
        bool check = false;
        int r;

        log_open();
        r = parse_argv(argc, argv, &check);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        r = check ? load_conf(true, &conf, &wrong) : load_best_conf(&conf, &wrong);
        if (r < 0) /* with this status PID 1 does not start leased again: bad lines would be logged ten times a second
                    */
                return r == -EBADMSG && !check ? EX_CONFIG : EXIT_FAILURE;
        if (check) {
                r = leased_conf_dump(conf, stdout);
                return r < 0 || check_units(conf) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        if (geteuid() != 0) {
                log_error("leased must be started as root: PID 1 takes orders from nobody else");
                return EXIT_FAILURE;
        }
        event_log_open();
        event_log(0, "begin");
        r = daemon_new(TAKE_PTR(conf), &wrong, &daemon);
        if (r < 0)
                return EXIT_FAILURE;
        return daemon_run(daemon) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
