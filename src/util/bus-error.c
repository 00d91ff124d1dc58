/* SPDX-License-Identifier: Apache-2.0 */
#include "util/bus-error.h"

#include "util/names.h"

#define DBUS_ERROR(name) DBUS_NAME ".Error." name

bool bus_error_is_silence(const char *name) {
        static const char *const names[] = {
                DBUS_ERROR("NoReply"),
                DBUS_ERROR("Timeout"),
                DBUS_ERROR("TimedOut"),
                DBUS_ERROR("Disconnected"),
                DBUS_ERROR("IOError"),
                DBUS_ERROR("ServiceUnknown"),
                DBUS_ERROR("NameHasNoOwner"),
                DBUS_ERROR("LimitsExceeded"),
                "System.Error.ETIMEDOUT",
                "System.Error.ECONNRESET",
                "System.Error.ENOTCONN",
        };

        for (size_t i = 0; name && i < ELEMENTSOF(names); i++)
                if (streq(name, names[i]))
                        return true;
        return false;
}
