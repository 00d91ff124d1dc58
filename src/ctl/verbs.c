/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/verbs.h"

#include "util/suggest.h"

static const Verb verbs[] = {
        { "status", "[UNIT...]", 0, -1, false, ARGUMENTS_UNITS, verb_status, "This machine, or all about units" },
        { "list", "[MACHINE|UNIT...]", 0, -1, false, ARGUMENTS_UNITS, verb_list,
                        "The units here, there, or all leases" },
        { "machines", "", 0, 0, false, ARGUMENTS_WORDS, verb_machines, "The machines that take part" },
        { "history", "[UNIT|LEASE...]", 0, -1, false, ARGUMENTS_LEASES, verb_history,
                        "Who held a lease, and why it ended" },
        { "logs", "UNIT...", 1, -1, false, ARGUMENTS_UNITS, verb_logs,
                        "The last lines of its journal, where it runs" },
        { "monitor", "", 0, 0, false, ARGUMENTS_WORDS, verb_monitor, "What changes, as it changes" },
        { "prove", "UNIT [FILE...]", 1, -1, true, ARGUMENTS_WORDS, verb_prove,
                        "Had each tenure ended when the next one began?", true },
        { "metrics", "", 0, 0, false, ARGUMENTS_WORDS, verb_metrics, "For Prometheus" },
        { "is-held", "UNIT|LEASE...", 1, -1, false, ARGUMENTS_LEASES, verb_is_held,
                        "For scripts: is it held by this machine?" },
        { "check", "UNIT...", 1, -1, true, ARGUMENTS_UNITS, verb_check,
                        "The unit's timeline, and what weakens its safety" },
        { "cat", "UNIT...", 1, -1, true, ARGUMENTS_UNITS, verb_cat,
                        "A unit's options, and the files where they stand" },
        { "set", "UNIT KEY=VALUE...", 2, -1, true, ARGUMENTS_WORDS, verb_set,
                        "Change options of a unit here (leased.unit(5))" },
        { "edit", "UNIT", 1, 1, true, ARGUMENTS_WORDS, verb_edit, "The same in an editor" },
        { "enable", "UNIT...", 1, -1, true, ARGUMENTS_WORDS, verb_enable,
                        "Run it only with its lease (on each machine)" },
        { "disable", "[UNIT...]", 0, -1, true, ARGUMENTS_UNITS, verb_disable,
                        "Stop it, release it, make it ordinary again" },
        { "submit", "FILE...", 1, -1, false, ARGUMENTS_WORDS, verb_submit,
                        "Have the machines that take it run a unit file" },
        { "destroy", "UNIT...", 1, -1, false, ARGUMENTS_WORDS, verb_destroy, "The end of a unit that was submitted" },
        { "list-files", "[UNIT...]", 0, -1, false, ARGUMENTS_WORDS, verb_list_files,
                        "What was submitted, and what became of it here" },
        { "verify", "[UNIT...]", 0, -1, false, ARGUMENTS_WORDS, verb_verify,
                        "For scripts: do those signatures count here?" },
        { "accept-files", "", 0, 0, true, ARGUMENTS_WORDS, verb_accept_files,
                        "What leased runs when a unit was submitted" },
        { "stop", "UNIT...", 1, -1, false, ARGUMENTS_ANYWHERE, verb_stop,
                        "Stop it where it runs; nobody else starts it" },
        { "start", "UNIT...", 1, -1, false, ARGUMENTS_ANYWHERE, verb_start, "Start it again where it was stopped" },
        { "restart", "UNIT...", 1, -1, false, ARGUMENTS_ANYWHERE, verb_restart, "Restart it where it runs" },
        { "release", "UNIT...", 1, -1, false, ARGUMENTS_ANYWHERE, verb_release,
                        "Stop it there and let another machine have it" },
        { "transfer", "UNIT... MACHINE", 2, -1, false, ARGUMENTS_ANYWHERE, verb_transfer,
                        "Stop it there and hand it to that machine" },
        { "steal", "UNIT...", 1, -1, false, ARGUMENTS_UNITS, verb_steal,
                        "Take it from a holder that cannot be asked" },
        { "rearm", "UNIT...", 1, -1, false, ARGUMENTS_ANYWHERE, verb_rearm, "A unit that is done may run again" },
        { "drain", "[MACHINE]", 0, 1, false, ARGUMENTS_WORDS, verb_drain,
                        "Take no leases there, and hand over those held" },
        { "undrain", "[MACHINE]", 0, 1, false, ARGUMENTS_WORDS, verb_undrain, "The end of drain" },
        { "confirm-dead", "MACHINE", 1, 1, false, ARGUMENTS_WORDS, verb_confirm_dead,
                        "It is off: do not wait for its leases" },
        { "pause", "", 0, 0, false, ARGUMENTS_WORDS, verb_pause, "No lease moves, whatever the registry does" },
        { "resume", "", 0, 0, false, ARGUMENTS_WORDS, verb_resume, "The end of pause" },
        { "rebalance", "", 0, 0, false, ARGUMENTS_WORDS, verb_rebalance, "Move the fewest units that make it even" },
        { "forget", "MACHINE|LEASE...", 1, -1, false, ARGUMENTS_WORDS, verb_forget,
                        "Records of what will not come back" },
        { "set-metadata", "[KEY=VALUE...]", 0, -1, true, ARGUMENTS_WORDS, verb_set_metadata,
                        "What this machine says of itself (Require=)" },
        { "run", "LEASE COMMAND...", 2, -1, true, ARGUMENTS_WORDS, verb_run,
                        "Run a command while holding a lease of its own" },
        { "registry", "[accept UUID|forget LEASE [INDEX]]", 0, 3, false, ARGUMENTS_WORDS, verb_registry,
                        "How the registry is; or go by another" },
        { "config", "", 0, 0, true, ARGUMENTS_WORDS, verb_config, "leased.conf: what is in force, and from where" },
        { "setup", "NAME=ADDRESS...", 1, -1, true, ARGUMENTS_WORDS, verb_setup, "From fresh machines to a cluster" },
        { "reload", "", 0, 0, false, ARGUMENTS_WORDS, verb_reload, "Let leased read its configuration again" },
        { "help", "[VERB]", 0, 1, false, ARGUMENTS_WORDS, NULL, "All verbs, or one verb and its options" },
        { "version", "", 0, 0, false, ARGUMENTS_WORDS, NULL, "The version of leasectl" },
};

static const Verb no_verb = { .name = "", .arguments = "", .max = 0, .run = verb_screen };

const Verb *verbs_at(size_t i) {
        return i < ELEMENTSOF(verbs) ? verbs + i : NULL;
}

const Verb *verbs_find(const char *name) {
        if (!*name)
                return &no_verb;
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i].name, name))
                        return verbs + i;
        return NULL;
}

const Verb *verbs_near(const char *typed) {
        Suggestion near = suggest_begin(typed);

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                suggest_consider(&near, verbs[i].name);
        return near.best ? verbs_find(near.best) : NULL;
}
