/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "registry/registry.h"

/* registry_etcd.list: reads all keys that start with prefix. *ret is owned by the caller. Returns 0, -EINVAL for a
 * prefix that is too long, or another negative errno. */
int etcd_list(Registry *r, const char *prefix, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret);

/* registry_etcd.older: the same, without values, and only of what was not put after that revision. */
int etcd_list_older(Registry *r, const char *prefix, uint64_t revision, usec_t timeout, registry_answer_t f,
                void *userdata, RegistryRequest **ret);
