/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/protocol.h"

/* A longer file name cannot be a gate (NAME_MAX), nor can PID 1 load it (systemd: UNIT_NAME_MAX is 256 with its NUL). */
#define UNIT_NAME_LENGTH 255

static bool file_name_is_valid(const char *s, size_t room) {
        size_t n = strnlen(s, room);
        const char *dot;

        if (n == 0 || n > UNIT_NAME_LENGTH || n == room || s[0] == '.')
                return false;
        if (strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@") != n)
                return false;

        dot = strrchr(s, '.');
        return dot && dot > s && dot[1];
}

static bool unit_name_is_valid(const char *s, size_t room) {
        /* PID 1 refuses a question with a bare template in it, and that would be a question about many units. */
        return file_name_is_valid(s, room) && !strstr(s, "@.");
}

bool guard_member_is_valid(const char *name) {
        return file_name_is_valid(name, UNIT_NAME_LENGTH + 2);
}

static bool names_a_unit(uint32_t type) {
        switch (type) {
        case GUARD_ARM:
        case GUARD_LOSE:
        case GUARD_DISARM:
        case GUARD_OPEN:
        case GUARD_CLOSE:
        case GUARD_ENTRY:
                return true;
        default:
                return false;
        }
}

bool guard_message_is_valid(const GuardMessage *m, size_t size) {
        if (size < sizeof(*m) || m->version != GUARD_PROTOCOL || m->type == 0)
                return false;
        if (names_a_unit(m->type))
                return unit_name_is_valid(m->unit, sizeof(m->unit));
        return strnlen(m->unit, sizeof(m->unit)) < sizeof(m->unit);
}
