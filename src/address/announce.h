/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "address/address.h"

/* Tells the network that the address is here from now on: a gratuitous ARP request (RFC 5227) or an unsolicited
 * neighbour advertisement (RFC 4861), to all. Machines and switches that know another place for the address learn the
 * new one. Nothing is sent on an interface that is not an Ethernet. Returns 0 or a negative errno, which is not
 * logged. */
int announce(const Address *a);
