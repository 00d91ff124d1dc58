/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

/*
 * D-Bus messages as JSON. Integers, booleans and strings stay what they are. An array or struct becomes an array, a
 * dictionary an object, a variant its content, an array of bytes a string of hex digits. The largest unsigned 64-bit
 * number, with which systemd means infinity, becomes null.
 */

/* Gives all arguments of a message as one array, owned by the caller. The message must not have been read before.
 * Returns 0, -ENOMEM, or -EBADMSG if the message has a type that is not known here; *ret is then untouched. */
int message_json_body(sd_bus_message *m, json_t **ret);
