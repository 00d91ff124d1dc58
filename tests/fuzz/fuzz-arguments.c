/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line and the environment of leasectl, parted by NUL: first what looks like NAME=VALUE, then arguments.
 * There is no bus, and no ssh to be found, so that whatever is asked for ends before it begins; with one of the exit
 * codes that are documented.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "util/strv.h"

int leasectl_main(int argc, char **argv);

enum { ARGUMENTS_MAX = 16 };

static void be_alone(void) {
        static bool done;
        int null;

        if (done)
                return;
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        /* What it says is of no interest; what sanitizers say goes to standard error, through a copy of libFuzzer's
         * own. */
        must(null >= 0 && dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDIN_FILENO) >= 0);
        done = true;
}

/* Only what is ours or the terminal's: nothing that a loader or a sanitizer reads. */
static bool variable_is_fuzzed(const char *text) {
        static const char *const variables[] = {
                "SYSTEMD_COLORS=", "SYSTEMD_PAGER=", "PAGER=", "COLUMNS=", "LINES=", "TERM=", "NO_COLOR="
        };

        for (size_t i = 0; i < ELEMENTSOF(variables); i++)
                if (startswith(text, variables[i]))
                        return true;
        return false;
}

static void set_variable(char *text) {
        char *value = strchr(text, '=');

        *value = '\0';
        must(setenv(text, value + 1, 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *arguments[ARGUMENTS_MAX + 2], *owned[ARGUMENTS_MAX], name[] = "leasectl";
        Input in = { data, size };
        int n = 1, n_owned = 0, code;

        be_alone();
        must(clearenv() == 0);
        must(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1) == 0 &&
                        setenv("PATH", "/nonexistent", 1) == 0);
        arguments[0] = name;
        while (in.size > 0 && n_owned < ARGUMENTS_MAX) {
                char *text = input_text(&in, 0, NULL);

                owned[n_owned++] = text;
                if (n == 1 && variable_is_fuzzed(text))
                        set_variable(text);
                else
                        arguments[n++] = text;
        }
        arguments[n] = NULL;
        /* A connection by ssh takes a process each time: its arguments are systemd's to read. */
        for (int i = 1; i < n; i++)
                if (startswith(arguments[i], "-H") || startswith(arguments[i], "--h") || strchr(arguments[i], 'H'))
                        n = 0;
        code = n > 0 ? leasectl_main(n, arguments) : 0;
        must(code >= 0 && code <= 6);
        for (int i = 0; i < n_owned; i++)
                free(owned[i]);
        return 0;
}
