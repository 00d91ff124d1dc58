/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "registry/registry.h"

/* registry_etcd.txn: compares, and if all compares hold, writes. *ret is owned by the caller. Returns 0, -EINVAL for a
 * Txn that the contract does not allow, or another negative errno. */
int etcd_txn(Registry *r, const RegistryTxn *txn, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret);
