/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The payload of the hosts tests: a process that says, many times a second, that it lives.
 *
 * Each stamp is one line, appended with one write: "BOOTTIME_NS MACHINE PID LEASE_INDEX INVOCATION_ID". All guests
 * have the kernel's one CLOCK_BOOTTIME, so the stamps of two machines can be compared to the millisecond: from them
 * the tests compute who ran when, the gap between two holders, and whether two ever ran at once (timeline.py).
 *
 * It can be told to be as awkward as real programs are: to ignore SIGTERM, to have children, to take its time to stop,
 * to have a name on the system bus.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000LL
#define NSEC_PER_MSEC 1000000LL

static volatile sig_atomic_t terminated = 0;

static void on_terminate(int number) {
        terminated = 1;
}

static int64_t now_boottime(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_BOOTTIME, &t);
        return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static const char *environment(const char *name) {
        const char *value = getenv(name);

        return value && *value ? value : "-";
}

static int stamp(int fd, const char *machine, const char *invocation) {
        char line[512];
        int n;

        n = snprintf(line, sizeof(line), "%lld %s %d %s %s\n", (long long) now_boottime(), machine, (int) getpid(),
                        environment("LEASE_INDEX"), invocation);
        if (n < 0 || (size_t) n >= sizeof(line))
                return -EOVERFLOW;
        return write(fd, line, n) == n ? 0 : -EIO;
}

static int parse_milliseconds(const char *text, int64_t *ret) {
        char *end;
        double seconds = strtod(text, &end);

        if (end == text || *end || seconds < 0 || seconds > 86400)
                return -EINVAL;
        *ret = (int64_t) (seconds * 1000.0);
        return 0;
}

/* Stamps until it is time to go: stop_ms after SIGTERM, or life_ms after the start. */
static int live(int fd, const char *machine, int64_t interval_ms, int64_t stop_ms, int64_t life_ms) {
        int64_t started = now_boottime(), next = started, stopping = 0;

        for (;;) {
                struct timespec until;
                int64_t now;
                int r;

                r = stamp(fd, machine, environment("INVOCATION_ID"));
                if (r < 0)
                        return r;
                now = now_boottime();
                if (terminated && stopping == 0)
                        stopping = now;
                if (stopping > 0 && now >= stopping + stop_ms * NSEC_PER_MSEC)
                        return 0;
                if (life_ms >= 0 && now >= started + life_ms * NSEC_PER_MSEC)
                        return 0;
                while (next <= now)
                        next += interval_ms * NSEC_PER_MSEC;
                until = (struct timespec){ .tv_sec = next / NSEC_PER_SEC, .tv_nsec = next % NSEC_PER_SEC };
                (void) clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL);
        }
}

/* An address that is looked for. */
typedef struct Wanted {
        int family;
        unsigned char bytes[sizeof(struct in6_addr)];
} Wanted;

static int has_address(const Wanted *wanted) {
        struct ifaddrs *all;
        bool found = false;

        if (getifaddrs(&all) < 0)
                return -errno;
        for (struct ifaddrs *a = all; a; a = a->ifa_next) {
                if (!a->ifa_addr || a->ifa_addr->sa_family != wanted->family)
                        continue;
                found = found ||
                        (wanted->family == AF_INET6 ? memcmp(&((struct sockaddr_in6 *) a->ifa_addr)->sin6_addr,
                                                                      wanted->bytes, sizeof(struct in6_addr)) == 0
                                                    : memcmp(&((struct sockaddr_in *) a->ifa_addr)->sin_addr,
                                                                      wanted->bytes, sizeof(struct in_addr)) == 0);
        }
        freeifaddrs(all);
        return found;
}

/* For an address instead of a process: stamps as long as this machine has it, until SIGTERM. Each time that it has it
 * is an invocation of its own, named after its beginning. */
static int watch(int fd, const char *machine, const char *address, int64_t interval_ms) {
        Wanted wanted = { .family = strchr(address, ':') ? AF_INET6 : AF_INET };
        char since[32] = "-";
        bool had = false;

        if (inet_pton(wanted.family, address, wanted.bytes) != 1)
                return -EINVAL;
        while (!terminated) {
                struct timespec pause = { .tv_nsec = interval_ms * NSEC_PER_MSEC };
                int has = has_address(&wanted), r = 0;

                if (has > 0 && !had)
                        (void) snprintf(since, sizeof(since), "%lld", (long long) now_boottime());
                had = has > 0;
                if (had)
                        r = stamp(fd, machine, since);
                if (has < 0 || r < 0)
                        return has < 0 ? has : r;
                (void) clock_nanosleep(CLOCK_BOOTTIME, 0, &pause, NULL);
        }
        return 0;
}

/* The name is ours as long as we live: nobody closes the connection. */
static int take_bus_name(const char *name) {
        sd_bus *bus = NULL;
        int r = sd_bus_open_system(&bus);

        return r < 0 ? r : sd_bus_request_name(bus, name, 0);
}

static int usage(const char *name) {
        fprintf(stderr,
                        "%s [--interval=SEC] [--stop=SEC] [--life=SEC] [--children=N] [--exit=CODE] [--bus-name=NAME] "
                        "[--address=ADDRESS] [--ignore-term] FILE\n",
                        name);
        return EXIT_FAILURE;
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "interval", required_argument, NULL, 'i' },
                { "stop", required_argument, NULL, 's' },
                { "life", required_argument, NULL, 'l' },
                { "children", required_argument, NULL, 'c' },
                { "exit", required_argument, NULL, 'e' },
                { "bus-name", required_argument, NULL, 'b' },
                { "address", required_argument, NULL, 'a' },
                { "ignore-term", no_argument, NULL, 't' },
                {},
        };
        int64_t interval_ms = 5, stop_ms = 0, life_ms = -1;
        int children = 0, code = 0, fd, c, r = 0;
        bool ignore_term = false;
        const char *bus_name = NULL, *address = NULL;
        char machine[65] = "";

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0 && r >= 0)
                switch (c) {
                case 'i':
                        r = parse_milliseconds(optarg, &interval_ms);
                        break;
                case 's':
                        r = parse_milliseconds(optarg, &stop_ms);
                        break;
                case 'l':
                        r = parse_milliseconds(optarg, &life_ms);
                        break;
                case 'c':
                        children = atoi(optarg);
                        break;
                case 'e':
                        code = atoi(optarg);
                        break;
                case 'b':
                        bus_name = optarg;
                        break;
                case 'a':
                        address = optarg;
                        break;
                case 't':
                        ignore_term = true;
                        break;
                default:
                        return usage(argv[0]);
                }
        if (r < 0 || interval_ms < 1 || optind + 1 != argc)
                return usage(argv[0]);

        (void) gethostname(machine, sizeof(machine) - 1);
        (void) signal(SIGTERM, ignore_term ? SIG_IGN : on_terminate);
        fd = open(argv[optind], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0) {
                fprintf(stderr, "Cannot open %s: %s\n", argv[optind], strerror(errno));
                return EXIT_FAILURE;
        }
        r = bus_name ? take_bus_name(bus_name) : 0;
        if (r < 0) {
                fprintf(stderr, "Cannot be %s: %s\n", bus_name, strerror(-r));
                return EXIT_FAILURE;
        }
        if (address) {
                r = watch(fd, machine, address, interval_ms);
                if (r < 0)
                        fprintf(stderr, "Cannot watch %s: %s\n", address, strerror(-r));
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        for (int i = 0; i < children; i++)
                if (fork() == 0)
                        break;

        r = live(fd, machine, interval_ms, stop_ms, life_ms);
        if (r < 0) {
                fprintf(stderr, "Cannot write a stamp: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        return code;
}
