/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration: /etc/leased/leased.conf with leased.conf.d/; and the units that are enabled here, by
 * /etc/leased/units/NAME over the [X-Leased] of the unit file.
 *
 * Nothing in this folder logs. What is wrong comes back as messages, one line each: "FILE:LINE: what is wrong: what
 * would be right". A caller who gets any keeps what it had before: a broken file stops nothing that runs.
 *
 * root is put before the paths that are read, but not into messages: "", or a directory (tests). Functions that return
 * int return 0 or a negative errno, -ENOMEM among them.
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

/* Adds a line. After 200 lines one more says that the rest is left out; a line for which there is no memory is lost.
 */
void messages_add(Messages *m, const char *format, ...) _printf_(2, 3);
/* All lines as one text, parted by newlines. Owned by the caller; NULL: out of memory. */
char *messages_join(const Messages *m);
/* Frees the lines and empties m; for _cleanup_. */
void messages_done(Messages *m);
/* Whether a text is valid UTF-8 without control characters, as D-Bus takes a string and a terminal can show it. */
bool text_is_printable(const char *s);

#define LEASED_CONF_DIRECTORY "/etc/leased/leased.conf.d"

/* The directory of Registry=local if it names none. No other machine reads that one. */
#define LOCAL_DIRECTORY "/var/lib/leased/registry"

typedef struct LeasedConf {
        char *registry;   /* "local" or "etcd" */
        char *directory;  /* of a local registry; default LOCAL_DIRECTORY */
        char **endpoints; /* etcd; NULL-terminated, at least one if registry is "etcd" */
        char *prefix;     /* "/leased/": begins and ends with "/" */
        char *ca_file, *cert_file, *key_file, *user, *password_file;
        char *metadata;       /* "region=eu rack=a1", checked; "" if none */
        char *metadata_where; /* "FILE:LINE"; NULL: nowhere */
        usec_t ttl;           /* 2 s to 60 s; default 10 s */
        char *ttl_where;      /* "FILE:LINE" of TTL=; NULL if it is the default */
        char *machine_id;     /* 32 hex digits, or NULL: derive it from /etc/machine-id */
        bool compact;         /* Compact=auto */
} LeasedConf;

/* Loads root/etc/leased/leased.conf, then root/etc/leased/leased.conf.d/?*.conf in the order of their names; later
 * lines win over earlier ones, and all win over the defaults. Missing files are fine. Checks also the timeline of the
 * TTL, that Endpoints= comes with etcd and CAFile= with https, that the files named exist, and that KeyFile= and
 * PasswordFile= are closed to others. *ret is owned by the caller. -EBADMSG: there are messages, and *ret is
 * untouched. */
int leased_conf_load(const char *root, LeasedConf **ret, Messages *messages);
/* Loads the one file that leased_conf_dump() has written, over the defaults, with the same checks. Also -ENOENT. */
int leased_conf_load_dump(const char *path, LeasedConf **ret, Messages *messages);
/* Frees c, which may be NULL. Returns NULL. */
LeasedConf *leased_conf_free(LeasedConf *c);
DEFINE_TRIVIAL_CLEANUP(LeasedConf *, leased_conf_free)
/* Writes the effective configuration as a leased.conf, secrets only as file names. */
void leased_conf_dump(const LeasedConf *c, FILE *f);

/* The options of one unit. What the core decides by is in config, so that an option for the core needs no second field
 * here; config.unit, .lease and .placement borrow from this struct, config.timeout_stop and .global are left to the
 * daemon, who hears of them from PID 1. */
typedef struct UnitOptions {
        char *unit;
        char *lease;            /* Lease=; default: the unit's name */
        UnitConfig config;      /* all options that the core goes by */
        char *stop_grace_where; /* "FILE:LINE" of StopGraceSec=; NULL if not set */
        bool fence_by_reboot;   /* FenceAction=none|reboot */
        char *slice;            /* Slice=: its control group is the unit's, too; NULL if not set */
        bool allow_outside;     /* AllowOutside=: what its commands start elsewhere is known, and left so */
        bool global;            /* Global=: on every machine that fits, without a lease */
        Placement *placement; /* MachineID=, MachineOf=, Require=, Prefer=, Conflicts=, Replaces=, Failback=: of units
                                 without any of them the same struct; not to be written to */
} UnitOptions;

/* Loads the options of a unit that is enabled here, by its canonical name: [X-Fleet] in the unit file and its
 * drop-ins, on top of it [X-Leased] in these files, and last the one in root/etc/leased/units/NAME. *ret is owned by
 * the caller. -ENOENT: the unit is not enabled here. -EBADMSG: there are messages. *ret is then what could be read,
 * with the defaults in place of bad lines; but untouched if it is in doubt which lease was meant, whether one at all
 * (Global=), or where the processes of the unit are (Slice=). */
int unit_options_load(const char *root, const char *unit, UnitOptions **ret, Messages *messages);
/* The same for any unit: of one that is not enabled here, what its options would be. */
int unit_options_preview(const char *root, const char *unit, UnitOptions **ret, Messages *messages);
/* Frees o, which may be NULL. Returns NULL. */
UnitOptions *unit_options_free(UnitOptions *o);
DEFINE_TRIVIAL_CLEANUP(UnitOptions *, unit_options_free)

/* Writes the options that are in force, defaults included, as lines "Key=value" for people: what differs between two
 * dumps of one unit is what a reload has changed. */
void unit_options_dump(const UnitOptions *o, FILE *f);

/* Whether the unit has the time to stop under a TTL. timeout_stop: the unit's own TimeoutStopSec=; USEC_INFINITY if it
 * has none, or if it is not known, so that only StopGraceSec= can be too long. -ERANGE: no such TTL. -EBADMSG: it has
 * not, and a message that names the line of StopGraceSec= has the numbers. */
int unit_options_check(const UnitOptions *o, usec_t ttl, usec_t timeout_stop, Messages *messages);
/* The same where the TTL is what is new: the message names the line of TTL=. */
int unit_options_check_ttl(const UnitOptions *o, const LeasedConf *c, Messages *messages);

/* The path of root/etc/leased/units/NAME, which makes a unit one that is enabled here; with unit "", that of the
 * folder. Owned by the caller; NULL: out of memory. */
char *unit_options_path(const char *root, const char *unit);
/* Lists the names in root/etc/leased/units, sorted, NULL-terminated, freed by strv_free(). A name that is no unit's is
 * left out, with a message. An absent folder is an empty list. */
int enabled_units_list(const char *root, char ***ret, Messages *messages);

/* Whether a unit of that name can be leased: a full name of at most 240 bytes, no bare template ("foo@.service"), and
 * not a device, slice, scope or swap. */
bool unit_name_is_valid(const char *name);

/* Whether a slice can be a single unit's own: not the root, and not one into which PID 1 or logind put units of others
 * (system.slice, user.slice, machine.slice, init.scope's, and what lies below the first two). */
bool slice_name_is_valid(const char *name);
/* Whether the slice other is slice or lies in it: "a-b.slice" lies in "a.slice". */
bool slice_contains(const char *slice, const char *other);

/* Writes our machine id into ret, 32 hex digits: MachineID= of c, which may be NULL, or one derived from
 * /etc/machine-id with an application id of leased's, as machine-id(5) asks. */
int leased_machine_id(const LeasedConf *c, char ret[static 33]);
