/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is asked of the kernel about addresses (rtnetlink(7)). The kernel carries out a request before the call
 * returns. Functions return 0 or a negative errno, and do not log. */

#include "address/address.h"

/* Returns a socket, owned by the caller. */
int netlink_open(void);

/* Each call goes to the interface on which the address was set last, whatever its name is by now. An interface that is
 * gone is looked for by its name again.
 *
 * Has the kernel keep the address for so many seconds from now on (valid_lft), whether the interface has the address
 * already or not. IPv6 does not look first whether another machine has the address: the lease says that none has. The
 * kernel does not choose the address by itself as the source of a connection (preferred_lft is 0), so that connections
 * which other programs of the machine begin outlive a move of the address. -ENODEV: there is no such interface. */
int netlink_set(int fd, Address *a, unsigned seconds);
/* Has the kernel take the address away. 0 also if the address or the interface is not there. */
int netlink_remove(int fd, const Address *a);
