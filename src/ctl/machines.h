/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/record.h"
#include "ctl/bus.h"
#include "util/shell-word.h"

/*
 * The machines in the registry, as this machine knows them. A row has the members machine_id, hostname, boot_id,
 * metadata (an object; a key may have several values, separated by spaces), held (how many leases), draining, up (null
 * if that is not known now), up_since_usec (null if it is not up or that is not known), heard_ago_usec, ttl_usec (both
 * null if the machine was never heard), here.
 *
 * Functions that return int print what is wrong and return an exit code.
 */

enum {
        HOSTNAME_SHOWN = 80,
};

/* Gives the rows of all machines, sorted by host name. *ret is owned by the caller. */
int machines_read(Ctl *ctl, json_t **ret);
/* Gives also the properties of org.leased1.Manager; *ret and *ret_manager are owned by the caller. */
int machines_read_all(Ctl *ctl, json_t **ret, json_t **ret_manager);
/* Does the same, but prints nothing, and returns 0 or a negative errno with the error of the bus. */
int machines_ask(sd_bus *bus, json_t **ret, json_t **ret_manager, sd_bus_error *error);
/* Gives the row of the machine with this id, borrowed from rows; NULL if there is none. */
const json_t *machines_find(const json_t *rows, const char *machine_id);
/* Gives the row of the machine that an operator means, borrowed from rows. The argument typed is a machine id, a
 * host name, or the beginning of an id, of at least four digits. If it fits several machines, the one that is up is
 * meant. Returns CTL_FAILED unless that leaves exactly one machine; CTL_UNKNOWN if there is none and, by the
 * properties manager, the registry has not told which machines there are. */
int machines_resolve(const json_t *rows, const json_t *manager, const char *typed, const json_t **ret);
/* Does the same, but says nothing if there is no such machine: *ret is NULL then, and CTL_OK is returned. */
int machines_search(const json_t *rows, const char *typed, const json_t **ret);
/* Writes the name of a machine for people into buf, which should have HOSTNAME_SHOWN bytes, and returns buf. The
 * name is the host name; the beginning of the id if no host name is known; both for a silent machine that shares its
 * host name with another one. */
const char *machine_name(const json_t *rows, const char *machine_id, char *buf, size_t size);
/* Gives the word by which a command that is printed names the machine: its host name, or the id where that is not
 * known or not enough. Written into buf, or borrowed from rows or from machine_id. */
const char *machine_typed(char buf[static SHELL_WORD_SIZE], const json_t *rows, const char *machine_id);
/* The same for an argument of a function that prints. */
#define MACHINE_TYPED(rows, machine_id) machine_typed((char[SHELL_WORD_SIZE]){}, (rows), (machine_id))
/* Since when the machine of the row is up, or silent (CLOCK_REALTIME); 0 if that is not known. */
usec_t machine_since(const json_t *row);
/* Whether the machine of the row was last heard longer ago than two of its rounds (TTL/5): its beats fail. */
bool machine_is_late(const json_t *row);
/* Says which machines must be confirmed dead before anybody takes what they hold, a line for each. */
void machines_print_unconfirmed(const json_t *rows);
/* Writes the metadata of a row (the object) as words "key=value", separated by spaces, into buf, which has at least
 * METADATA_SIZE bytes. Writes "" if the machine has none. */
void machine_metadata(const json_t *object, char *buf, size_t size);
