/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the operator wishes of a unit: noted by word.c, and taken back by whoever has fulfilled it.
 */

#include "core/wish.h"

/* Most units have no wish, so a text has its memory only while there is one. */
static void keep(char **kept, const char *text, size_t size) {
        char cut[BY_SIZE];

        _Static_assert(BY_SIZE >= MACHINE_SIZE, "both texts have room");
        str_copy(cut, size, text);
        if (!str_keep(kept, cut))
                abort();
}

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
        keep(&u->wish.by, by, BY_SIZE);
}

void wish_transfer(Unit *u, const char *machine) {
        keep(&u->wish.target, machine, MACHINE_SIZE);
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
        keep(&u->wish.target, "", MACHINE_SIZE);
}

void wish_no_steal(Unit *u) {
        u->wish.steal = false;
}

void wish_no_run(Unit *u) {
        u->wish.run = false;
}

void wish_done(Unit *u) {
        free(u->wish.target);
        free(u->wish.by);
        u->wish = (UnitWish){};
}
