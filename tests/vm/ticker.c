/* SPDX-License-Identifier: Apache-2.0 */

/* The leased unit of test-paused-vm: writes a newline to the device, and then a dot every 10 ms, and ignores SIGTERM.
 * The host sees by the last dot before a newline when the process was killed. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

int main(int argc, char *argv[]) {
        int fd = argc == 2 ? open(argv[1], O_WRONLY | O_NOCTTY | O_NONBLOCK) : -1;

        (void) signal(SIGTERM, SIG_IGN);
        if (fd < 0 || write(fd, "\n", 1) != 1)
                return 1;
        while (write(fd, ".", 1) == 1 || errno == EAGAIN)
                (void) poll(NULL, 0, 10);
        return 1;
}
