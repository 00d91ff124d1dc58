/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * leasectl, the command with which an operator works on leased. It is a short-lived program that asks leased and PID 1
 * over D-Bus, waits for the answers, and prints them for people or as JSON. Calls about many units are under way
 * together (bus-many.h).
 *
 * Everything that comes over the bus is turned into a JSON value first (bus.h). A listing is an array of objects
 * ("rows"), which is printed as JSON or as a table (output.h). An error is one line on stderr (say.h).
 *
 * leasectl decides nothing about leases. It changes configuration files only in enable, disable, set, edit,
 * set-metadata, reload, setup and accept-files.
 */

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "ctl/say.h"
#include "util/macros.h"
#include "util/time-util.h"

/* Exit codes, documented in --help. 1 and 2 are those of every program. */
enum {
        CTL_OK = 0,
        CTL_FAILED = 1,
        CTL_USAGE = 2,
        CTL_NOT_HELD = 3,
        CTL_NO_SUCH_UNIT = 4,
        CTL_NOT_RUNNING = 5,
        CTL_UNKNOWN = 6,
};

typedef enum JsonMode {
        JSON_OFF,
        JSON_MODE_SHORT,
        JSON_MODE_PRETTY,
} JsonMode;

/* What "leasectl setup" was asked for: to set this machine up, the same with --rejoin, or --add or --remove. */
typedef enum SetupMode {
        SETUP_HERE,
        SETUP_REJOIN,
        SETUP_ADD,
        SETUP_REMOVE,
} SetupMode;

/* The command line and the connection to the bus. There are more than 30 fields, and more than five booleans,
 * because each option that --help lists has one of its own. */
typedef struct Ctl {
        sd_bus *bus;
        const char *host; /* -H; NULL: this machine */
        JsonMode json;
        uint64_t flags;   /* a bit for each row of the table in flags.c whose option was given */
        uint64_t letters; /* ... and given by its letter */
        bool help, version;
        bool legend;
        bool pager;
        bool stop;
        bool force;
        bool anyway;
        bool all_machines;
        bool all;
        bool wait;
        bool watch, once, one_line; /* -w, -1, -s */
        bool tls, dry_run;
        bool until_reboot; /* drain: only until the machine boots */
        SetupMode setup;
        bool picture;
        bool here_only;            /* --here */
        const char *picture_file;  /* --picture=; NULL: print the picture */
        unsigned lines;            /* --lines= */
        const char *since;         /* --since=, as journalctl takes it; NULL: not given */
        usec_t clocks;             /* --clocks=; USEC_INFINITY: not given */
        bool run_pty, run_pipe;    /* --pty, --pipe */
        char **run_settings;       /* --setenv=, a list as of util/strv.h */
        unsigned run_slots;        /* --slots=; 0: not given */
        const char *run_directory; /* --working-directory=; NULL: not given */
        const char *key;           /* --key=; NULL: not given */
        bool no_roll;              /* --no-roll */
        unsigned copies;           /* --copies=; 0: not given */
        json_t *triggers; /* of ctl/triggers.c: what each installed trigger starts; NULL until that is asked for */
        char **trigger_templates; /* ... and the templates of such */
} Ctl;

/* Carries out a verb of the command line. The argument argv holds the argc words that stand behind the verb. Prints
 * what went wrong and returns an exit code. */
typedef int (*verb_t)(Ctl *ctl, int argc, char **argv);

int verb_accept_files(Ctl *ctl, int argc, char **argv);
int verb_cat(Ctl *ctl, int argc, char **argv);
int verb_check(Ctl *ctl, int argc, char **argv);
int verb_config(Ctl *ctl, int argc, char **argv);
int verb_destroy(Ctl *ctl, int argc, char **argv);
int verb_disable(Ctl *ctl, int argc, char **argv);
int verb_confirm_dead(Ctl *ctl, int argc, char **argv);
int verb_pause(Ctl *ctl, int argc, char **argv);
int verb_resume(Ctl *ctl, int argc, char **argv);
int verb_drain(Ctl *ctl, int argc, char **argv);
int verb_edit(Ctl *ctl, int argc, char **argv);
int verb_enable(Ctl *ctl, int argc, char **argv);
int verb_forget(Ctl *ctl, int argc, char **argv);
int verb_history(Ctl *ctl, int argc, char **argv);
int verb_is_held(Ctl *ctl, int argc, char **argv);
int verb_list(Ctl *ctl, int argc, char **argv);
int verb_list_files(Ctl *ctl, int argc, char **argv);
int verb_logs(Ctl *ctl, int argc, char **argv);
int verb_machines(Ctl *ctl, int argc, char **argv);
int verb_metrics(Ctl *ctl, int argc, char **argv);
int verb_monitor(Ctl *ctl, int argc, char **argv);
int verb_prove(Ctl *ctl, int argc, char **argv);
int verb_restart(Ctl *ctl, int argc, char **argv);
int verb_start(Ctl *ctl, int argc, char **argv);
int verb_stop(Ctl *ctl, int argc, char **argv);
int verb_rearm(Ctl *ctl, int argc, char **argv);
int verb_rebalance(Ctl *ctl, int argc, char **argv);
int verb_registry(Ctl *ctl, int argc, char **argv);
int verb_release(Ctl *ctl, int argc, char **argv);
int verb_reload(Ctl *ctl, int argc, char **argv);
int verb_screen(Ctl *ctl, int argc, char **argv);
int verb_run(Ctl *ctl, int argc, char **argv);
int verb_set(Ctl *ctl, int argc, char **argv);
int verb_set_metadata(Ctl *ctl, int argc, char **argv);
int verb_setup(Ctl *ctl, int argc, char **argv);
int verb_status(Ctl *ctl, int argc, char **argv);
int verb_steal(Ctl *ctl, int argc, char **argv);
int verb_submit(Ctl *ctl, int argc, char **argv);
int verb_transfer(Ctl *ctl, int argc, char **argv);
int verb_undrain(Ctl *ctl, int argc, char **argv);
int verb_verify(Ctl *ctl, int argc, char **argv);

/* Prints a line as complain() does; the value of the expression is CTL_FAILED, for a return statement. */
#define ctl_fail(...) (complain(__VA_ARGS__), CTL_FAILED)

/* Give a member of a JSON object as a plain value. The value is "", 0 or false if the object is NULL or has no
 * member of that type. Strings are borrowed from the object. */
static inline const char *get_string(const json_t *object, const char *key) {
        return strempty(json_string_value(json_object_get(object, key)));
}

static inline json_int_t get_integer(const json_t *object, const char *key) {
        return json_integer_value(json_object_get(object, key));
}

static inline bool get_boolean(const json_t *object, const char *key) {
        return json_is_true(json_object_get(object, key));
}

/* Gives an element of a JSON array in the same way: "" if there is no such element, or if it is no string. */
static inline const char *string_at(const json_t *array, size_t i) {
        return strempty(json_string_value(json_array_get(array, i)));
}
