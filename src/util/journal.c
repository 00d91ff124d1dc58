/* SPDX-License-Identifier: Apache-2.0 */
#include "util/journal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/file-util.h"

void journal_add(JournalEntry *e, const char *format, ...) {
        size_t room = sizeof(e->text) - e->size;
        char *field = e->text + e->size;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(field, room, format, ap);
        va_end(ap);
        if (n < 0 || (size_t) n + 1 > room)
                return;
        for (char *c = field; *c; c++)
                if (*c == '\n')
                        *c = ' ';
        field[n] = '\n';
        e->size += (size_t) n + 1;
}

int journal_post(JournalEntry *e) {
        static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        journal_add(e, "SYSLOG_IDENTIFIER=%s", program_invocation_short_name);
        if (fd < 0)
                return -errno;
        if (sendto(fd, e->text, e->size, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *) &address,
                            sizeof(address)) < 0)
                return -errno;
        return 0;
}
