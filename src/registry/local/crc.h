/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Returns the CRC-32 of IEEE 802.3 over size bytes of data, continued from crc (0: begin). Never fails. */
uint32_t local_crc32(uint32_t crc, const void *data, size_t size);
