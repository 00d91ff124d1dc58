/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The steps of "leasectl enable", for all that puts options of a unit in force. Functions that return int print what
 * is wrong and return an exit code. */

#include "ctl/enable-item.h"

/* Reads leased.conf, and looks whether so many more units can be leased on this machine. *ret is freed by
 * leased_conf_free(). */
int enable_prepare(Ctl *ctl, size_t n, LeasedConf **ret);
/* Writes the files of the items that have a name, puts them in force at PID 1 and leased, and prints what becomes of
 * their units. The items have passed enable_item_examine(). What is not in force then is taken back. */
int enable_all(Ctl *ctl, EnableItem *items, size_t n, const LeasedConf *conf);
