/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much the bus lets this connection have under way. dbus-daemon refuses each call of a connection that waits for
 * too many answers already (LimitsExceeded), and counts those that were given up here until PID 1 answers them. How
 * many are too many is a matter of its configuration, and of how long PID 1 takes.
 *
 * A refusal says nothing about PID 1 or a unit. So after one, nothing is sent for a while, and then only half as much
 * is under way at a time. With PID 1's answers the room grows again, slowly, since each try at more than there is ends
 * in another pause. A pause, without a smaller room, also follows where nobody was there to take a call. It doubles
 * while PID 1 answers nothing.
 */
#include "pid1/pid1-internal.h"

#define PAUSE_MAX (2 * USEC_PER_SEC)
#define GROW_AFTER 64 /* answers */

Room room_new(void) {
        return (Room){ .size = ROOM_MAX };
}

bool room_is_open(const Room *room) {
        return room->closed_until == 0 || now_boottime() >= room->closed_until;
}

void room_refused(Room *room, const sd_bus_error *e) {
        if (!room_is_open(room))
                return; /* of what was sent together, most is refused together */
        room->pause = room->pause == 0 ? TICK : MIN(2 * room->pause, PAUSE_MAX);
        room->closed_until = usec_add(now_boottime(), room->pause);
        if (sd_bus_error_has_name(e, SD_BUS_ERROR_LIMITS_EXCEEDED)) {
                room->size = MAX(room->size / 2, 1u);
                room->answers = 0;
        }
}

void room_answered(Room *room) {
        room->pause = 0;
        if (room->size < ROOM_MAX && ++room->answers >= GROW_AFTER) {
                room->answers = 0;
                room->size++;
        }
}
