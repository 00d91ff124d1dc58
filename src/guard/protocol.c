/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/protocol.h"

#include "util/unit-name.h"

/* The name is also that of a file below /run/leased, where one that begins with a dot would be hidden. */
static UnitNameKind kind_of(const char *name) {
        return name[0] == '.' ? UNIT_NAME_INVALID : unit_name_kind(name);
}

static bool unit_is_valid(const char *s, size_t room) {
        UnitNameKind kind = strnlen(s, room) < room ? kind_of(s) : UNIT_NAME_INVALID;

        /* A template is not valid: it stands for many units, and PID 1 refuses a question that names one. */
        return kind == UNIT_NAME_PLAIN || kind == UNIT_NAME_INSTANCE;
}

bool guard_unit_is_valid(const char *name) {
        return unit_is_valid(name, UNIT_NAME_SPACE);
}

bool guard_member_is_valid(const char *name) {
        return kind_of(name) != UNIT_NAME_INVALID;
}

static bool names_a_unit(uint32_t type) {
        switch (type) {
        case GUARD_ARM:
        case GUARD_LOSE:
        case GUARD_DISARM:
        case GUARD_OPEN:
        case GUARD_CLOSE:
        case GUARD_LIMIT:
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
                return unit_is_valid(m->unit, sizeof(m->unit));
        return strnlen(m->unit, sizeof(m->unit)) < sizeof(m->unit);
}
