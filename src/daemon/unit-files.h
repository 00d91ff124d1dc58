/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit files that were submitted to the cluster (docs/submit.md), as far as the daemon has to do with them. It carries
 * their records between the registry and leasectl without looking into them. With AcceptUnits= it runs "leasectl
 * accept-files", in a transient unit, whenever one of the records has changed; that program verifies, writes and
 * enables, and says what has become of each (SetUnitFileOutcome). None of this touches a lease.
 */

#include "daemon/internal.h"

/* Begins to follow the records. d->registry_port must be there. 0, or a negative errno. */
int unit_files_new(Daemon *d);
/* Ends all of it. unit_files_cancel() only drops the answers that are due: the connection to the bus is lost. */
void unit_files_free(Daemon *d);
void unit_files_cancel(Daemon *d);

/* Has this machine look at all submitted units again, if it takes any: the configuration was read anew. */
void unit_files_look(Daemon *d);

/* Methods of org.leased1.Manager, each a verb_t: the names of all records; the text of one and its revision; a record
 * that is to be put at the revision that was seen; what has become of a submitted unit on this machine. */
int unit_files_list(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int unit_files_get(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int unit_files_put(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int unit_files_set_outcome(Daemon *d, sd_bus_message *m, sd_bus_error *error);

/* Appends what has become of each submitted unit here, a(sxsus): name, version, signer, reason and its sentence. A
 * negative errno. */
int unit_files_append(Daemon *d, sd_bus_message *m);
