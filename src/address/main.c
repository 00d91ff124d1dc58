/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leased-address: the main process of leased-address@.service, which keeps addresses on the machine that holds the
 * unit's lease.
 *
 *     leased-address [--remove] INTERFACE/ADDRESS/PREFIX...
 *
 * The kernel is told of a lifetime for each address, and forgets the address by itself when the lifetime is over. Each
 * beat that the registry has confirmed renews the lifetime, up to the kill_at of the lease (life.h). So an address is
 * gone before another machine can have the lease even if everything in user space stands still. Four things take it
 * away, each where the one before cannot:
 *
 *   SIGTERM        this program, as soon as the unit is stopped; or, when no beat has come in time, at the lifetime's
 *                  end
 *   ExecStopPost=  "leased-address --remove", after this program was killed: by somebody, by the guard at kill_at, or
 *                  by its own alarm if it stands still when a lifetime ends
 *   the kernel     at the lifetime's end, if PID 1 stands still as well
 *
 * A lifetime counts from when the kernel is told of it. A process that was stopped between its look at the clock and
 * that moment, and goes on later, would lengthen the life of an address. So the alarm (guard/alarm.h) is first set to
 * the latest moment at which the lifetime is still right, and the kernel kills the process then, whether it runs or
 * not.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>

#include "address/announce.h"
#include "address/life.h"
#include "address/netlink.h"
#include "guard/alarm.h"
#include "util/file-util.h"
#include "util/log.h"
#include "util/notify.h"

#define DIRECTORY "/run/leased"
/* How often the guard's files are looked at without a change that the kernel has told of: they may have been removed
 * and made anew. */
#define LOOK_EVERY USEC_PER_SEC
/* How long after the end of a lifetime this process may still stand still until it is killed. */
#define GRACE (250 * USEC_PER_MSEC)
#define ENDLESS USEC_PER_MINUTE
#define EXIT_CONFIG 78

typedef struct Keeper {
        const char *unit; /* the leased unit whose lease covers this one; it may be this one */
        uint64_t index;   /* of the lease */
        Address *addresses;
        size_t n_addresses;
        int netlink, changes, signals, notify;
        Alarm alarm;
        usec_t kill_at; /* of the lifetime that the kernel was told of last; 0: it has no address */
        usec_t until;   /* the end of that lifetime, at the latest (CLOCK_BOOTTIME) */
        bool ready;     /* PID 1 was told READY=1 */
        int announced;  /* what came of the last announcement: an error that stays is logged once */
} Keeper;

static void keeper_remove(Keeper *k) {
        char text[ADDRESS_TEXT_SIZE];
        int r;

        for (Address *a = k->addresses; a < k->addresses + k->n_addresses; a++) {
                r = netlink_remove(k->netlink, a);
                if (r < 0)
                        (void) log_error_errno(r, "cannot take away %s", address_text(a, text));
        }
        k->kill_at = 0;
        alarm_set(&k->alarm, USEC_INFINITY);
}

/* Has all addresses for so many seconds. Returns 0 or a negative errno, which is logged. */
static int keeper_set(Keeper *k, unsigned seconds) {
        char text[ADDRESS_TEXT_SIZE];
        int r;

        for (Address *a = k->addresses; a < k->addresses + k->n_addresses; a++) {
                r = netlink_set(k->netlink, a, seconds);
                if (r < 0)
                        return log_error_errno(r, "cannot set %s", address_text(a, text));
        }
        return 0;
}

static void keeper_announce(Keeper *k) {
        char text[ADDRESS_TEXT_SIZE];
        int r;

        for (Address *a = k->addresses; a < k->addresses + k->n_addresses; a++) {
                r = announce(a); /* the next beat announces it again */
                if (r < 0 && r != k->announced)
                        (void) log_warning_errno(r, "cannot announce %s", address_text(a, text));
                k->announced = r;
        }
}

/* Renews the lifetimes if the lease has another kill_at than before: a later one after a beat, an earlier one when the
 * lease is lost. */
static int keeper_renew(Keeper *k, usec_t kill_at) {
        bool had = k->kill_at > 0;
        usec_t latest;
        unsigned seconds;
        int r;

        if (kill_at == k->kill_at)
                return 0;
        seconds = life_seconds(kill_at, now_boottime(), &latest);
        if (seconds == 0) {
                if (had && kill_at < k->kill_at)
                        keeper_remove(k);
                return 0;
        }
        /* Law 1: the lifetime does not begin later than was counted on. A process that was stopped before the alarm
         * was set sees that here; one that is stopped from now on is killed. */
        alarm_set(&k->alarm, latest);
        if (now_boottime() >= latest)
                return 0;
        r = keeper_set(k, seconds);
        k->kill_at = kill_at;
        k->until = latest + seconds * USEC_PER_SEC;
        alarm_set(&k->alarm, usec_add(k->until, GRACE));
        if (r < 0)
                return r;
        keeper_announce(k);
        if (!had)
                log_info("set, for %u s at a time", seconds);
        if (!k->ready)
                (void) notify_send(k->notify, "READY=1");
        k->ready = true;
        return 0;
}

/* Gives the kill_at up to which the kernel is told of a lifetime now. A unit that is kept without beats has no
 * kill_at: its addresses get ENDLESS at a time, and anew when half of that has passed. */
static usec_t keeper_kill_at(const Keeper *k, const Life *life) {
        usec_t now = now_boottime();

        if (life->kill_at != USEC_INFINITY)
                return life->kill_at;
        return k->kill_at > usec_add(now, ENDLESS / 2) ? k->kill_at : usec_add(now, ENDLESS);
}

/* Does what is due. Returns 0 or a negative errno, which is logged. */
static int keeper_step(Keeper *k) {
        Life life;
        int r = life_read(DIRECTORY, k->unit, k->index, &life);

        if (r == 0 && !k->ready && !life_suffices(life.kill_offset))
                return log_error_errno(ERANGE, "the TTL of this machine is too short for an address: see "
                                               "leased-address(8)");
        if (r == 0)
                r = keeper_renew(k, keeper_kill_at(k, &life));
        else
                r = 0; /* unknown is not lost (law 8): the lifetime stays as it is */
        if (r == 0 && k->kill_at > 0 && now_boottime() >= k->until) {
                log_warning("no beat came in time: taken away until one comes");
                keeper_remove(k);
        }
        return r;
}

/* Asks the kernel for changes of the guard's files. Asking again is of no consequence, and finds folders that were
 * made anew. */
static void keeper_watch(Keeper *k) {
        (void) inotify_add_watch(k->changes, DIRECTORY, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
        (void) inotify_add_watch(k->changes, DIRECTORY "/guard", IN_MODIFY | IN_CREATE | IN_MOVED_TO);
}

/* Waits for a change of the guard's files, the end of the lifetime, or a signal. Returns false if a signal has come
 * that ends the program. */
static bool keeper_wait(Keeper *k) {
        struct pollfd fds[] = { { .fd = k->changes, .events = POLLIN }, { .fd = k->signals, .events = POLLIN } };
        usec_t wait = LOOK_EVERY;
        char changes[4096];

        if (k->kill_at > 0)
                wait = MIN(wait, usec_sub(k->until, now_boottime()));
        (void) poll(fds, ELEMENTSOF(fds), (int) ((wait + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
        while (read(k->changes, changes, sizeof(changes)) > 0)
                continue;
        return !(fds[1].revents & POLLIN);
}

static int keeper_open(Keeper *k) {
        sigset_t set;
        int r;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        k->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (k->signals < 0 || k->changes < 0)
                return log_error_errno(errno, "cannot start");
        k->notify = notify_open();
        r = alarm_make(&k->alarm);
        return r < 0 ? log_error_errno(r, "there is no timer that would end this process in time") : 0;
}

/* Reads from the environment under which lease this unit runs. */
static int keeper_read_lease(Keeper *k) {
        const char *index = getenv("LEASE_INDEX");
        char *end;

        k->unit = getenv("LEASE_UNIT");
        errno = 0;
        k->index = index ? strtoumax(index, &end, 10) : 0;
        if (isempty(k->unit) || strchr(k->unit, '/') || k->index == 0 || errno != 0 || *end)
                return log_error_errno(ENOKEY, "there is no LEASE_UNIT and LEASE_INDEX: an address is only set with "
                                               "its lease, see leased-address(8)");
        return 0;
}

static int keep(Keeper *k) {
        if (keeper_read_lease(k) < 0)
                return EXIT_CONFIG;
        if (keeper_open(k) < 0)
                return EXIT_FAILURE;
        do {
                keeper_watch(k);
                if (keeper_step(k) < 0)
                        return EXIT_FAILURE; /* ExecStopPost= takes away what is there */
        } while (keeper_wait(k));
        keeper_remove(k);
        return EXIT_SUCCESS;
}

static void help(void) {
        printf("leased-address [--remove] INTERFACE/ADDRESS/PREFIX...\n\n"
               "Keeps addresses on the machine that holds a lease. Started by leased-address@.service.\n\n"
               "     --remove   Take the addresses away, then exit\n"
               "  -h --help     Show this help\n"
               "     --version  Show the version\n");
}

/* Returns 1 to go on, 0 if all that was asked for has been printed, and a negative errno for wrong arguments. */
static int parse_arguments(int argc, char *argv[], Keeper *k, bool *ret_remove) {
        enum { OPTION_REMOVE = 0x100, OPTION_VERSION };
        static const struct option options[] = {
                { "remove", no_argument, NULL, OPTION_REMOVE },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                {},
        };

        for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;)
                switch (c) {
                case OPTION_REMOVE:
                        *ret_remove = true;
                        break;
                case 'h':
                        help();
                        return 0;
                case OPTION_VERSION:
                        puts("leased-address " LEASED_VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }
        k->addresses = calloc((size_t) (argc - optind) + 1, sizeof(Address));
        if (!k->addresses)
                return log_oom();
        for (; optind < argc; optind++)
                if (address_parse(argv[optind], k->addresses + k->n_addresses++) < 0)
                        return log_error_errno(EINVAL,
                                        "%s: not an address: it would be INTERFACE/ADDRESS/PREFIX, such as "
                                        "eth0/10.0.0.100/32",
                                        argv[optind]);
        return k->n_addresses > 0 ? 1 : log_error_errno(EINVAL, "no address is named, see leased-address --help");
}

int main(int argc, char *argv[]) {
        Keeper k = { .netlink = -1, .changes = -1, .signals = -1, .notify = -1 };
        bool remove = false;
        int r;

        log_open();
        r = parse_arguments(argc, argv, &k, &remove);
        if (r <= 0)
                return r < 0 ? EXIT_CONFIG : EXIT_SUCCESS;
        k.netlink = netlink_open();
        if (k.netlink < 0)
                return log_error_errno(k.netlink, "cannot speak to the kernel"), EXIT_FAILURE;
        if (!remove)
                return keep(&k);
        keeper_remove(&k);
        return EXIT_SUCCESS;
}
