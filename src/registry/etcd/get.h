/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* registry_etcd.get */

#include "registry/registry.h"

int etcd_get(Registry *r, const char *const *keys, size_t n, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret);
