/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The addresses of an endpoint's host name, as far as they have answered, and which of them is of another cluster. An
 * endpoint whose host is an address has none: what is said there is the endpoint's word. */

#include "registry/etcd/state.h"

enum { ETCD_AVOID_SIZE = ETCD_ADDRESSES * ETCD_ADDRESS_SIZE };

/* To be told which cluster an address of endpoint i says that it is of. */
void etcd_address_told(Etcd *e, size_t i, const char *address, uint64_t cluster_id);

/* Whether an answer with this id is neither of our cluster nor of the remembered one; false while none is known. */
bool etcd_address_is_odd(const Etcd *e, uint64_t cluster_id);

/* Whether this address of endpoint i is known to be odd. */
bool etcd_address_is_left_out(const Etcd *e, size_t i, const char *address);

/* Whether some address of endpoint i is odd. */
bool etcd_address_some_odd(const Etcd *e, size_t i);

/* The cluster of endpoint i as a whole, if each address of its name is odd: 0 if they disagree, or if one that is not
 * among the name's at the moment was ours when it last answered. */
uint64_t etcd_address_all_odd(const Etcd *e, size_t i);

/* Writes the odd addresses of endpoint i as HttpParameters.avoid. */
void etcd_address_avoid(const Etcd *e, size_t i, char ret[static ETCD_AVOID_SIZE]);

/* The place of an odd address of endpoint i, at or after from; SIZE_MAX: there is none. */
size_t etcd_address_next_odd(const Etcd *e, size_t i, size_t from);

/* To be told when nobody took a connection at the odd address in this place: after a while it is forgotten. Returns
 * whether it was, and others have taken its place. */
bool etcd_address_absent(Etcd *e, size_t i, size_t place);
