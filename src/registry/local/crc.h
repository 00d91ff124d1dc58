/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* CRC-32 as in IEEE 802.3, over size bytes of data, carried on from crc (0 to begin with). Fails with nothing. */
uint32_t local_crc32(uint32_t crc, const void *data, size_t size);
