/* SPDX-License-Identifier: Apache-2.0 */
#include "util/event-log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int log_fd = -1;
static char machine[65];

void event_log_open(void) {
        const char *path = getenv("LEASED_EVENT_LOG");

        if (isempty(path) || log_fd >= 0)
                return;
        (void) gethostname(machine, sizeof(machine) - 1);
        log_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
}

bool event_log_is_on(void) {
        return log_fd >= 0;
}

void event_log(usec_t at, const char *format, ...) {
        _cleanup_free_ char *text = NULL, *line = NULL;
        int saved = errno, n;
        va_list ap;

        if (log_fd < 0)
                return;
        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                text = NULL;
        else
                n = asprintf(&line, "%" PRIu64 " %s %s %d %s\n", at ?: now_boottime(), machine,
                                program_invocation_short_name, (int) getpid(), text);
        if (n < 0)
                line = NULL;
        else /* in one piece, so that lines of several programs do not mix */
                (void) !write(log_fd, line, (size_t) n);
        errno = saved;
}
