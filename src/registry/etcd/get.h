/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "registry/registry.h"

/* registry_etcd.get: reads single keys. *ret is owned by the caller. Returns 0, -EINVAL for a key that the contract
 * does not allow, or another negative errno. */
int etcd_get(Registry *r, const char *const *keys, size_t n, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret);
