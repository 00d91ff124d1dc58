/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/interrupt.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal) {
        interrupted = 1;
}

static void handle(void (*handler)(int)) {
        struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESETHAND }; /* no SA_RESTART: ends a wait */

        (void) sigaction(SIGINT, &action, NULL);
}

void interrupt_catch(void) {
        handle(on_interrupt);
}

void interrupt_release(void) {
        handle(SIG_DFL);
}

bool interrupt_came(void) {
        return interrupted;
}

void interrupt_outlive_readers(void) {
        (void) signal(SIGPIPE, SIG_IGN);
}

void interrupt_leave(void) {
        interrupt_release();
        (void) raise(SIGINT);
        exit(CTL_FAILED);
}
