/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-bus.h>

/* The method Rehearse of org.leased1.Manager: what would become of units. Changes nothing. */
int rehearse_method(sd_bus_message *m, void *userdata, sd_bus_error *error);
