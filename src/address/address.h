/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An address as the unit's command line names it: INTERFACE/ADDRESS/PREFIX, such as "eth0/10.0.0.100/32". */

#include <net/if.h>
#include <netinet/in.h>

typedef struct Address {
        char interface[IF_NAMESIZE];
        unsigned index; /* of the interface on which the kernel was told of it, which may have another name by now; 0:
                           none yet */
        int family;     /* AF_INET or AF_INET6 */
        unsigned char bytes[16], size; /* the address, in the network's order */
        unsigned char prefix;          /* bits */
} Address;

enum {
        ADDRESS_TEXT_SIZE = IF_NAMESIZE + INET6_ADDRSTRLEN + 4, /* "INTERFACE/ADDRESS/128" and a NUL */
};

/* Gives the number of its interface; 0: there is none. */
unsigned address_interface(const Address *a);
/* Reads such a text. Returns 0, or -EINVAL, also for an address that no single machine can have: a multicast or
 * broadcast one, a loopback one, the unspecified one. Then *ret is of no use. */
int address_parse(const char *text, Address *ret);
/* Writes the address as such a text into buf, and returns buf. */
char *address_text(const Address *a, char buf[static ADDRESS_TEXT_SIZE]);
