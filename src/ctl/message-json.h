/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

/*
 * D-Bus messages as JSON. Integers and strings stay what they are. Arrays and structs become arrays, dictionaries
 * objects, and a variant its content. An array of bytes becomes a string of hex digits. The largest unsigned 64-bit
 * number means infinity and becomes null.
 */

/* Gives all arguments of a message as one array, owned by the caller. The message must not have been read before. 0,
 * -ENOMEM, or -EBADMSG if a type is not known here; *ret is then untouched. */
int message_json_body(sd_bus_message *m, json_t **ret);
