/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the operator wishes of a unit: noted by word.c, and taken back by whoever has fulfilled it.
 */

#include "core/wish.h"

void wish_release(Unit *u) {
        u->wish.release = true;
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
