/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/run-terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CTRL_D '\004'
#define DRAIN_MSEC 100

enum { FROM_STDIN, TO_STDOUT, FROM_MASTER, TO_MASTER };

/* poll() says that a terminal has some room, and a write blocks until the terminal has taken everything: meanwhile no
 * signal would be passed on, and no lease renewed. O_NONBLOCK on the descriptor that we have would be seen by
 * everybody who shares it. A file would be written from its beginning by a descriptor of its own, and does not block.
 */
static int open_output(void) {
        struct stat st;
        int fd = -1;

        if (fstat(STDOUT_FILENO, &st) >= 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
                fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        return fd >= 0 ? fd : STDOUT_FILENO;
}

int run_terminal_open(RunTerminal *t, int *ret_slave) {
        int slave;

        *t = (RunTerminal){ .ours = isatty(STDIN_FILENO) };
        t->output = open_output();
        t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (t->master < 0)
                return -errno;
        if (grantpt(t->master) < 0 || unlockpt(t->master) < 0)
                return -errno;
        slave = ioctl(t->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0)
                return -errno;
        if (t->ours && tcgetattr(STDIN_FILENO, &t->before) >= 0)
                (void) tcsetattr(slave, TCSANOW, &t->before);
        run_terminal_resize(t);
        *ret_slave = slave;
        return 0;
}

void run_terminal_take(RunTerminal *t) {
        struct termios raw = t->before;

        if (!t->ours || t->raw)
                return;
        cfmakeraw(&raw);
        t->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) >= 0; /* TCSADRAIN waits for a terminal that stands still */
}

void run_terminal_give_back(RunTerminal *t) {
        if (t->raw)
                (void) tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
        t->raw = false;
}

void run_terminal_resize(const RunTerminal *t) {
        struct winsize size;

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) >= 0)
                (void) ioctl(t->master, TIOCSWINSZ, &size);
}

void run_terminal_prepare(const RunTerminal *t, struct pollfd fds[static RUN_TERMINAL_FDS]) {
        bool room_in = t->n_in < sizeof(t->in), room_out = t->n_out < sizeof(t->out);

        fds[FROM_STDIN] = (struct pollfd){ .fd = t->in_over || !room_in ? -1 : STDIN_FILENO, .events = POLLIN };
        fds[TO_STDOUT] = (struct pollfd){ .fd = t->n_out > 0 ? t->output : -1, .events = POLLOUT };
        fds[FROM_MASTER] = (struct pollfd){ .fd = t->out_over || !room_out ? -1 : t->master, .events = POLLIN };
        fds[TO_MASTER] = (struct pollfd){ .fd = t->n_in > 0 ? t->master : -1, .events = POLLOUT };
}

/* Takes the end of standard input. If that is no terminal, its end is handed on as Ctrl-D, which must be typed
 * twice after half a line. The end of a terminal means that it is gone. */
static void end_input(RunTerminal *t) {
        bool half = t->n_in > 0 && t->in[t->n_in - 1] != '\n';

        t->in_over = true;
        if (t->ours) {
                t->gone = true;
                return;
        }
        for (int i = 0; i < (half ? 2 : 1) && t->n_in < sizeof(t->in); i++)
                t->in[t->n_in++] = CTRL_D;
}

static void read_input(RunTerminal *t) {
        ssize_t n = read(STDIN_FILENO, t->in + t->n_in, sizeof(t->in) - t->n_in);

        if (n > 0)
                t->n_in += (size_t) n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                end_input(t);
}

/* Reads what the command prints. EIO says that nobody has the other end open. */
static void read_output(RunTerminal *t) {
        ssize_t n = read(t->master, t->out + t->n_out, sizeof(t->out) - t->n_out);

        if (n > 0)
                t->n_out += (size_t) n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                t->out_over = true;
}

/* Writes as much as fits. Returns false if nothing can be written any more. */
static bool write_some(int fd, char *buffer, size_t *n) {
        ssize_t k = write(fd, buffer, *n);

        if (k < 0)
                return errno == EAGAIN || errno == EINTR;
        *n -= (size_t) k;
        memmove(buffer, buffer + k, *n);
        return true;
}

void run_terminal_forward(RunTerminal *t, const struct pollfd fds[static RUN_TERMINAL_FDS]) {
        if (fds[FROM_STDIN].revents)
                read_input(t);
        if (fds[FROM_MASTER].revents)
                read_output(t);
        if (fds[TO_STDOUT].revents && t->n_out > 0 && !write_some(t->output, t->out, &t->n_out))
                t->gone = true;
        if (fds[TO_MASTER].revents && t->n_in > 0 && !write_some(t->master, t->in, &t->n_in))
                t->n_in = 0;
}

void run_terminal_drain(RunTerminal *t) {
        struct pollfd fds[RUN_TERMINAL_FDS];

        t->in_over = true;
        t->n_in = 0;
        do
                run_terminal_prepare(t, fds);
        while (!t->gone && (!t->out_over || t->n_out > 0) && poll(fds, RUN_TERMINAL_FDS, DRAIN_MSEC) > 0 &&
                        (run_terminal_forward(t, fds), true));
}
