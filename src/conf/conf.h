/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration of leased: /etc/leased/leased.conf with leased.conf.d/, and the units that are enabled here, whose
 * options are in /etc/leased/units/NAME and in the [X-Leased] of the unit file.
 *
 * Nothing in this folder logs. What is wrong comes back as messages, one line each: "FILE:LINE: what is wrong: what
 * would be right". A caller who gets messages keeps the configuration that it had before, so a broken file stops
 * nothing that runs.
 *
 * The argument root is put before the paths that are read, but not into messages. It is "", or a directory for tests.
 * Functions that return int return 0 or a negative errno, -ENOMEM among them.
 */

#include <stdio.h>

#include "core/unit-config.h"
#include "util/macros.h"
#include "util/strv.h"
#include "util/time-util.h"

/* Lines for people. Each is valid UTF-8 without control characters, whatever was in the files. */
typedef struct Messages {
        char **lines;
        size_t n;
} Messages;

/* Adds a line; format is as for printf(3). After 200 lines one more says that the rest is left out. A line for
 * which there is no memory is lost. */
void messages_add(Messages *m, const char *format, ...) _printf_(2, 3);
/* Whether a further line would be left out. */
bool messages_full(const Messages *m);
/* Gives all lines as one text, separated by newlines. Owned by the caller; NULL if memory is short. */
char *messages_join(const Messages *m);
/* Frees the lines and empties m; for _cleanup_. */
void messages_done(Messages *m);
/* Whether a text is valid UTF-8 without control characters, so that D-Bus takes it as a string and a terminal can
 * show it. */
bool text_is_printable(const char *s);

/* The drop-ins of the administrator and of leasectl. Drop-ins are read from other folders, too: see search.h. */
#define LEASED_CONF_DIRECTORY "/etc/leased/leased.conf.d"

/* What leased remembers across boots. Made when leased is started for the first time. */
#define STATE_DIRECTORY "/var/lib/leased"
/* The directory of Registry=local if the option names none. No other machine reads this directory. */
#define LOCAL_DIRECTORY STATE_DIRECTORY "/registry"

enum {
        LEASED_CONF_OPTIONS = 19,
};

/* AcceptUnits=: where the files of submitted units are written. */
typedef enum AcceptUnits {
        ACCEPT_NO,  /* nowhere: this machine takes none */
        ACCEPT_RUN, /* below /run/systemd/system, anew after each boot */
        ACCEPT_ETC, /* below /etc/systemd/system */
} AcceptUnits;

typedef struct LeasedConf {
        char *registry;   /* "local" or "etcd" */
        char *directory;  /* of a local registry; default LOCAL_DIRECTORY */
        char **endpoints; /* etcd; NULL-terminated, at least one if registry is "etcd" */
        char *prefix;     /* "/leased/": begins and ends with "/" */
        char *ca_file, *cert_file, *key_file, *user, *password_file;
        char *metadata;       /* "region=eu rack=a1", checked; "" if none */
        usec_t ttl;           /* 1 s to 60 s; default 10 s */
        usec_t beat;          /* BeatSec=, the time between two beats: 200 ms to TTL/5; 0: TTL/5 */
        char *machine_id;     /* 32 hex digits, or NULL: derive it from /etc/machine-id */
        bool compact;         /* Compact=auto */
        char *fence_command;  /* FenceCommand=: words (ini_parse_words()), the first an absolute path; NULL: none */
        usec_t fence_after;   /* FenceAfterSec=; default half of the TTL */
        usec_t fence_timeout; /* FenceTimeoutSec=; default 20 s */
        AcceptUnits accept_units;
        char **allowed_units;   /* AllowedUnits=: a list of "SIGNER:GLOB"; NULL: every signer, every name */
        char **lease_endpoints; /* LeaseRegistry=etcd2: where leases of the D-Bus API live; NULL: in the registry */
        char *lease_prefix;     /* ... and fleet's key prefix there, which begins and ends with "/" */

        char *where[LEASED_CONF_OPTIONS]; /* where each option was set: "FILE:LINE", "credential NAME"; NULL: default
                                           */
        const char *metadata_where, *ttl_where, *registry_where; /* those of Metadata=, TTL= and Registry=, borrowed */
        unsigned credentials;                                    /* a bit for each option whose file is a credential */
} LeasedConf;

/* Loads leased.conf, then leased.conf.d/?*.conf in the order of their names, from the folders "leased" of root/etc,
 * root/run, root/usr/local/lib and root/usr/lib (search.h). Later lines win over earlier ones, and all win over the
 * defaults. Missing files are no error. Checks also that the TTL leaves time for a stop, that Endpoints= comes with
 * etcd and CAFile= with https, that the files named exist, and that KeyFile= and PasswordFile= are not open to
 * everybody on this machine. With Registry=etcd, a file that no option names may be a credential of leased.service
 * (conf/credential.h). *ret is freed by leased_conf_free(). -EBADMSG: there are messages, and *ret is untouched. */
int leased_conf_load(const char *root, LeasedConf **ret, Messages *messages);
/* Does the same within leased.service, which alone can see whether a credential is really there. */
int leased_conf_load_in_service(const char *root, LeasedConf **ret, Messages *messages);
/* Loads a file that leased_conf_dump() has written, over the defaults, with the same checks. Fails also with
 * -ENOENT, if there is no such file, and with other errors of reading. */
int leased_conf_load_dump(const char *path, LeasedConf **ret, Messages *messages);
/* Frees c, which may be NULL. Returns NULL. */
LeasedConf *leased_conf_free(LeasedConf *c);
DEFINE_TRIVIAL_CLEANUP(LeasedConf *, leased_conf_free)
/* Is called for an option whose value differs between two readings of the options, with its name and both values, as
 * files would have them ("" if it is not set). All are borrowed. */
typedef void (*options_differ_t)(const char *option, const char *was, const char *is, void *userdata);

/* Gives the paths of the files that leased_conf_load() reads, in their order. *ret is freed by strv_free(); NULL:
 * there are none. A folder that cannot be read gives a message. Returns 0 or -ENOMEM. */
int leased_conf_files(const char *root, char ***ret, Messages *messages);
/* Calls f() for each option, in the order of leased.conf(5): with its name, its value as a file would have it ("" if
 * it is not set), and where it was set (LeasedConf.where). Returns 0 or -ENOMEM. */
typedef void (*leased_conf_each_t)(const char *option, const char *value, const char *where, void *userdata);
int leased_conf_each(const LeasedConf *c, leased_conf_each_t f, void *userdata);
/* Writes the effective configuration as a leased.conf. Secrets are written only as the names of their files. Returns
 * 0, or -ENOMEM: nothing is written. */
int leased_conf_dump(const LeasedConf *c, FILE *f);
/* Calls f() for each option whose value differs. Returns 0 or -ENOMEM. */
int leased_conf_compare(const LeasedConf *old, const LeasedConf *new, options_differ_t f, void *userdata);

/* Whether AllowedUnits= lets the signer submit a unit of that name. */
bool leased_conf_may_submit(const LeasedConf *c, const char *signer, const char *unit);

/* Check= and what belongs to it. */
typedef struct CheckOptions {
        char **command; /* NULL: nothing is checked */
        usec_t interval, timeout;
        int64_t rise, fall; /* so many results in a row count */
} CheckOptions;

/* The options of one unit. Options by which the core decides are in config, so that they need no second field here.
 * config.unit, .lease and .placement borrow from this struct. config.timeout_stop and config.global are filled in by
 * the daemon, after it has asked PID 1. */
typedef struct UnitOptions {
        char *unit;
        char *lease;            /* Lease=; default: .unit itself */
        char *slot;             /* with Copies=: the lease of the first copy, "LEASE#1"; NULL: it has one copy */
        UnitConfig config;      /* all options by which the core decides */
        char *stop_grace_where; /* "FILE:LINE" of StopGraceSec=; NULL if not set */
        CheckOptions check;
        bool keeps_on_shutdown; /* OnShutdown=keep */
        usec_t reboot_sec;      /* RebootSec= */
        bool fence_by_reboot;   /* FenceAction=none|reboot */
        char *slice;            /* Slice=: its control group is the unit's, too; NULL if not set */
        bool allow_outside;     /* AllowOutside=: processes that its commands start elsewhere are accepted */
        bool global;            /* Global=: on every machine that fits, without a lease */
        Placement *placement;   /* the options of placement, from MachineID= to Failback=. Units without any of them
                                   share one struct, which must not be written to */
} UnitOptions;

/* Loads the options of a unit that is enabled here, by its canonical name. They come from [X-Fleet] in the unit
 * file and its drop-ins; over it, from [X-Leased] in these files; and last from root/etc/leased/units/NAME. *ret is
 * freed by unit_options_free(). -ENOENT: the unit is not enabled here. -EBADMSG: there are messages. *ret is then what
 * could be read, with the defaults in place of bad lines. But *ret is untouched if it is in doubt which lease is
 * meant, whether any is (Global=), or where the processes of the unit are (Slice=). */
int unit_options_load(const char *root, const char *unit, UnitOptions **ret, Messages *messages);
/* Does the same for any unit: for one that is not enabled here, it gives the options that the unit would have.
 * -ENOENT: no unit of that name can be leased. */
int unit_options_preview(const char *root, const char *unit, UnitOptions **ret, Messages *messages);
/* Does the same as if root/etc/leased/units/NAME held this text of size bytes, which may be any. */
int unit_options_preview_text(const char *root, const char *unit, const char *text, size_t size, UnitOptions **ret,
                Messages *messages);
/* Frees o, which may be NULL. Returns NULL. */
UnitOptions *unit_options_free(UnitOptions *o);
DEFINE_TRIVIAL_CLEANUP(UnitOptions *, unit_options_free)

/* Calls f() for each option whose value differs between two readings of a unit's options. Returns 0 or -ENOMEM. */
int unit_options_compare(const UnitOptions *old, const UnitOptions *new, options_differ_t f, void *userdata);
/* Writes every option that is in force, with the defaults, for people: a line "Key=value" each, "Key=" for one that is
 * not set. Returns 0, or -ENOMEM. */
int unit_options_list(const UnitOptions *o, FILE *f);

/* Checks whether the unit has time enough to stop under a TTL. The argument timeout_stop is the unit's own
 * TimeoutStopSec=, in microseconds. It is USEC_INFINITY if the unit has none or if it is not known; then only
 * StopGraceSec= can be too long. Returns 0 if the time is enough. -ERANGE: there is no such TTL. -EBADMSG: the time is
 * not enough, and a message has the numbers and names the line of StopGraceSec=. */
int unit_options_check(const UnitOptions *o, usec_t ttl, usec_t timeout_stop, Messages *messages);
/* Does the same for a TTL that is new: the message names the line of TTL=. */
int unit_options_check_ttl(const UnitOptions *o, const LeasedConf *c, Messages *messages);

/* Gives the path root/etc/leased/units/NAME; a unit is enabled here if this file exists. With unit "" gives the
 * path of the folder. Owned by the caller; NULL if memory is short. */
char *unit_options_path(const char *root, const char *unit);
/* Lists the names in root/etc/leased/units, sorted and NULL-terminated; *ret is freed by strv_free(). A name that
 * is not the name of a unit is left out, with a message. If the folder does not exist, the list is empty. */
int enabled_units_list(const char *root, char ***ret, Messages *messages);

/* Whether a unit of that name can be leased. The name must be a full name of at most 240 bytes, not a bare template
 * ("foo@.service"), and not that of a device, slice, scope or swap. */
bool unit_name_is_valid(const char *name);

/* Whether a slice can be a single unit's own. It must not be the root slice, and not one into which PID 1 or logind
 * put units of others: system.slice and user.slice with all that lies below them, machine.slice and init.slice. */
bool slice_name_is_valid(const char *name);
/* Whether the slice called other is this slice or lies in it: "a-b.slice" lies in "a.slice". */
bool slice_contains(const char *slice, const char *other);

/* Writes the id of this machine, 32 hex digits, into ret. It is MachineID= of c, which may be NULL, or otherwise
 * derived from /etc/machine-id with an application id of leased, as machine-id(5) asks. Returns 0 or a negative errno.
 */
int leased_machine_id(const LeasedConf *c, char ret[static 33]);
