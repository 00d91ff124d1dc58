/* SPDX-License-Identifier: Apache-2.0 */
#include "util/words.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int own = -1; /* stderr, opened anew with O_NONBLOCK; -1: it was not */
static bool is_socket;
static atomic_uint dropped;
static atomic_bool broken_off; /* only a part of the last line was taken: a newline is due */

void words_open(void) {
        struct stat st;

        if (own >= 0)
                (void) close(own);
        own = -1;
        is_socket = false;
        if (fstat(STDERR_FILENO, &st) < 0)
                return;
        is_socket = S_ISSOCK(st.st_mode);
        if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
                own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static ssize_t put(const char *text, size_t size) {
        struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

        if (is_socket)
                return send(STDERR_FILENO, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (own >= 0)
                return write(own, text, size);
        /* A pipe that has room at all has room for PIPE_BUF bytes. */
        if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLOUT)) {
                errno = EAGAIN;
                return -1;
        }
        return write(STDERR_FILENO, text, size);
}

/* Writes with SIGPIPE and SIGTTOU blocked. SIGPIPE would come if the reader has gone, SIGTTOU if this process is in
 * the background of a terminal that stops such writers. */
static ssize_t put_without_signals(const char *text, size_t size) {
        sigset_t set, before, pending;
        bool was_pending;
        ssize_t n;
        int error;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGPIPE);
        (void) sigaddset(&set, SIGTTOU);
        (void) sigpending(&pending);
        was_pending = sigismember(&pending, SIGPIPE) > 0;
        (void) pthread_sigmask(SIG_BLOCK, &set, &before);
        n = put(text, size);
        error = errno;
        (void) sigdelset(&set, SIGTTOU);
        if (n < 0 && error == EPIPE && !was_pending)
                (void) sigtimedwait(&set, NULL, &(struct timespec){});
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        errno = error;
        return n;
}

bool words_write(const char *line, size_t size) {
        ssize_t n;

        if (atomic_load(&broken_off) && put_without_signals("\n", 1) == 1)
                atomic_store(&broken_off, false);
        n = atomic_load(&broken_off) ? -1 : put_without_signals(line, size);
        if (n == (ssize_t) size)
                return true;
        if (n > 0)
                atomic_store(&broken_off, true);
        (void) atomic_fetch_add(&dropped, 1);
        return false;
}

void words_lost(unsigned n) {
        (void) atomic_fetch_add(&dropped, n);
}

unsigned words_dropped(void) {
        return atomic_exchange(&dropped, 0);
}
