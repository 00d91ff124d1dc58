/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/record.h"
#include "ctl/bus.h"

/*
 * The machines in the registry, as this one knows them. A row: machine_id, hostname, boot_id, metadata (an object; a
 * key may have several values, parted by spaces), held, draining, up (null: not known now), heard_ago_usec, ttl_usec,
 * here.
 *
 * Functions that return int print what is wrong and return an exit code.
 */

enum {
        HOSTNAME_SHOWN = 80,
};

/* The rows of all machines, by host name. *ret is owned by the caller. */
int machines_read(Ctl *ctl, json_t **ret);
/* The same, and the properties of org.leased1.Manager, owned by the caller, too. */
int machines_read_all(Ctl *ctl, json_t **ret, json_t **ret_manager);
/* The row of a machine id, borrowed from rows; NULL: there is none. */
const json_t *machines_find(const json_t *rows, const char *machine_id);
/* The row that an operator means: by host name, by machine id, or by how an id begins. Where several machines fit, the
 * only one that is up is meant. CTL_FAILED unless that leaves exactly one machine. *ret is borrowed from rows. */
int machines_resolve(const json_t *rows, const char *typed, const json_t **ret);
/* Writes what people call a machine into buf and returns it: its host name; the beginning of its id where no name is
 * known; both for a silent machine that shares its name with another. */
const char *machine_name(const json_t *rows, const char *machine_id, char *buf, size_t size);
/* Writes the metadata of a row as words "key=value", parted by spaces, into buf of at least METADATA_SIZE bytes. "":
 * the machine has none. */
void machine_metadata(const json_t *object, char *buf, size_t size);
