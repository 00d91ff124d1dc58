/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* registry_etcd.list */

#include "registry/registry.h"

int etcd_list(Registry *r, const char *prefix, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret);
