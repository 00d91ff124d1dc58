/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the operator wishes of a unit: noted by word.c, and taken back by whoever has fulfilled it.
 */

#include "core/wish.h"

void wish_release(Unit *u) {
        u->wish.release = true;
}

void wish_start(Unit *u, usec_t now) {
        u->wish.start = true;
        u->wish.stop = false;
        u->wish.at = now;
}

void wish_stop(Unit *u, usec_t now) {
        u->wish.stop = true;
        u->wish.start = false;
        u->wish.at = now;
}

void wish_no_start(Unit *u) {
        u->wish.start = u->wish.stop = false;
}

void wish_by(Unit *u, const char *by) {
        str_copy(u->wish.by, sizeof(u->wish.by), by);
}

void wish_transfer(Unit *u, const char *machine) {
        str_copy(u->wish.target, sizeof(u->wish.target), machine);
}

void wish_steal(Unit *u, uint64_t index) {
        u->wish.steal = true;
        u->wish.steal_index = index;
}

void wish_run(Unit *u) {
        u->wish.run = true;
}

void wish_no_release(Unit *u) {
        u->wish.release = false;
}

void wish_no_transfer(Unit *u) {
        u->wish.target[0] = '\0';
}

void wish_no_steal(Unit *u) {
        u->wish.steal = false;
}

void wish_no_run(Unit *u) {
        u->wish.run = false;
}
