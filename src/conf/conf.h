/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration: /etc/leased/leased.conf with leased.conf.d/, and what is enabled, /etc/leased/units/NAME over the
 * unit file's own [X-Leased].
 *
 * Nothing in here logs. What is wrong comes back as messages, one line each: "FILE:LINE: what is wrong: what would be
 * right". A caller who gets any keeps what it had before; a broken file stops nothing.
 */

#include <stdio.h>

#include "core/unit-config.h"
#include "util/macros.h"
#include "util/strv.h"
#include "util/time-util.h"

/* Lines of text for people, collected. They are valid UTF-8 without control characters, whatever was in the files. */
typedef struct Messages {
        char **lines;
        size_t n;
} Messages;

void messages_add(Messages *m, const char *format, ...) _printf_(2, 3);
void messages_done(Messages *m); /* frees the lines; for _cleanup_ */
/* Valid UTF-8 without control characters: what D-Bus takes as a string, and a terminal as text. */
bool text_is_printable(const char *s);

#define LEASED_CONF_DIRECTORY "/etc/leased/leased.conf.d"

/* Where Registry=local is if it names no directory: this machine's own. */
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

/* Loads root/etc/leased/leased.conf and root/etc/leased/leased.conf.d/?*.conf (sorted; later ones win), over the
 * defaults. root is "" or a directory (tests). Missing files are fine. Returns 0, or -EBADMSG with messages; *ret is
 * untouched then. Also checked here: the timeline of the TTL, endpoints only with etcd, https without CAFile=, that
 * the files named exist, and that KeyFile= and PasswordFile= are closed to others. */
int leased_conf_load(const char *root, LeasedConf **ret, Messages *messages);
LeasedConf *leased_conf_free(LeasedConf *c);
DEFINE_TRIVIAL_CLEANUP(LeasedConf *, leased_conf_free)
/* The effective configuration as a leased.conf, secrets only as file names. */
void leased_conf_dump(const LeasedConf *c, FILE *f);
/* Loads one file that leased_conf_dump() has written, over the defaults, checked likewise. Also -ENOENT. */
int leased_conf_load_dump(const char *path, LeasedConf **ret, Messages *messages);

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
        Placement placement;    /* MachineID=, MachineOf=, Require=, Prefer=, Conflicts=, Replaces=, Failback= */
} UnitOptions;

/* Options of one unit, by its canonical name: [X-Fleet] in the unit file and its drop-ins, on top of it [X-Leased] in
 * these, then that in root/etc/leased/units/NAME. -ENOENT: it is not enabled here (no such file). -EBADMSG: with
 * messages; *ret is then what could be read, the defaults standing in for bad lines, or untouched if it is in doubt
 * which lease was meant, whether one at all (Global=), or where its processes are (Slice=). */
int unit_options_load(const char *root, const char *unit, UnitOptions **ret, Messages *messages);
/* The same, but also for a unit that is not enabled here: what its options would be. */
int unit_options_preview(const char *root, const char *unit, UnitOptions **ret, Messages *messages);
/* The same for a caller who wants a single fact and leaves the messages to others; NULL: they cannot be read. Owned by
 * the caller. */
UnitOptions *unit_options_peek(const char *root, const char *unit);
UnitOptions *unit_options_free(UnitOptions *o);
DEFINE_TRIVIAL_CLEANUP(UnitOptions *, unit_options_free)

/* Writes the options that are in force, defaults included, as lines "Key=value" for people: what differs between two
 * dumps of one unit is what a reload has changed. */
void unit_options_dump(const UnitOptions *o, FILE *f);

/* The timeline of these options under a TTL and the unit's own TimeoutStopSec= (USEC_INFINITY if it has none, or it is
 * not known: only StopGraceSec= can be too long). 0, -ERANGE for the TTL, or -EBADMSG with the numbers as a message
 * that names the line of StopGraceSec=. */
int unit_options_check(const UnitOptions *o, usec_t ttl, usec_t timeout_stop, Messages *messages);
/* The same, but it is the TTL that is new: the message names the line of TTL=. */
int unit_options_check_ttl(const UnitOptions *o, const LeasedConf *c, Messages *messages);

/* root/etc/leased/units/NAME: the file that makes a unit one that is enabled here; name "": the folder. Owned by the
 * caller; NULL: out of memory. */
char *unit_options_path(const char *root, const char *unit);
/* The names in root/etc/leased/units, sorted, NULL-terminated; an absent directory is an empty list. Freed by
 * strv_free(). Names that are no unit's come back as messages and are left out. */
int enabled_units_list(const char *root, char ***ret, Messages *messages);

/* A full unit name, no bare template ("foo@.service"), of a type that can be leased (not device, slice, scope, swap),
 * at most 240 bytes long. */
bool unit_name_is_valid(const char *name);

/* The name of a slice that can be one unit's own: not the root, nor one in which PID 1 or logind put what is others'
 * (system.slice, user.slice, machine.slice and init.scope's; what lies below the first two). */
bool slice_name_is_valid(const char *name);
/* other is slice, or lies in it: "a-b.slice" in "a.slice". */
bool slice_contains(const char *slice, const char *other);

/* Our machine id: the one configured, or one derived from /etc/machine-id with an application id of ours (as
 * machine-id(5) asks; libsystemd's sd-id128 does it), 32 hex digits into ret[33]. c may be NULL. */
int leased_machine_id(const LeasedConf *c, char ret[static 33]);
