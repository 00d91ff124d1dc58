/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* registry_etcd.txn */

#include "registry/registry.h"

int etcd_txn(Registry *r, const RegistryTxn *txn, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret);
