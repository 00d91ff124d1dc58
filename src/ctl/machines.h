/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/record.h"
#include "ctl/bus.h"

/*
 * The machines in the registry, as this one knows them. A row: machine_id, hostname, boot_id, metadata (an object; a
 * key may have several values, parted by spaces), held, draining, up (null: not known now), heard_ago_usec, ttl_usec,
 * here.
 *
 * Functions say what is wrong and return an exit code.
 */

enum {
        HOSTNAME_SHOWN = 80,
};

/* All, sorted by host name. */
int machines_read(Ctl *ctl, json_t **ret);
/* ... with the properties of org.leased1.Manager. */
int machines_read_all(Ctl *ctl, json_t **ret, json_t **ret_manager);
/* The row of a machine id, or NULL; borrowed from rows. */
const json_t *machines_find(const json_t *rows, const char *machine_id);
/* What an operator typed: a host name, a machine id, or the beginning of one. Of several machines that this fits, the
 * one that is up is meant. CTL_FAILED unless it is exactly one machine. *ret is borrowed from rows. */
int machines_resolve(const json_t *rows, const char *typed, const json_t **ret);
/* A machine's host name, or the beginning of its id where none is known; both of one that is silent and shares its
 * name with another. Written into buf and returned. */
const char *machine_name(const json_t *rows, const char *machine_id, char *buf, size_t size);
/* The words "key=value" of such an object, parted by spaces; buf is at least METADATA_SIZE bytes. "": it has none. */
void machine_metadata(const json_t *object, char *buf, size_t size);
