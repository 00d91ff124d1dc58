/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/guard-port.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <utlist.h>

#include "guard/protocol.h"
#include "util/file-util.h"
#include "util/log.h"
#include "util/must.h"

#define RETRY_MIN (20 * USEC_PER_MSEC)
#define RETRY_MAX USEC_PER_SEC
#define QUEUE_MAX 100000u
/* So long messages are taken in one turn of the loop: each may lead to the start of a unit. */
#define TURN_TIME (2 * USEC_PER_MSEC)
/* A guard that is connected and has not reported its entries counts as a failed attempt so often. */
#define GREET_EVERY USEC_PER_SEC
/* A guard that owes an answer and says nothing for so long stands still: it answers within milliseconds, with realtime
 * priority and locked memory. */
#define MUTE_LIMIT (2 * USEC_PER_SEC)

typedef struct Queued {
        struct Queued *prev, *next;
        GuardMessage message;
} Queued;

struct GuardPort {
        char *path;
        event_sink_t deliver;
        void (*missing)(void *userdata);
        void *userdata;
        int fd;
        bool greeted;         /* HELLO has come */
        bool complained;      /* on this connection it is logged that a message is malformed */
        bool synced;          /* SYNCED has come: the guard can be reached, in both directions */
        uint64_t asked;       /* serial of the last request that the guard must answer; it has when an ENTRY bears this
                                 serial or a higher one */
        usec_t unheard_since; /* CLOCK_BOOTTIME: the guard owes an answer, and nothing has come from it since then; 0:
                                 it owes none */
        sd_event_source *io, *retry;
        usec_t retry_after;
        usec_t down_since; /* CLOCK_BOOTTIME; while synced it means nothing */
        char version[32];  /* of the guard; "" if it has not said so on this connection */
        Queued *queue;     /* messages that wait for room in the socket */
        size_t n_queued;
};

/* ---- sending ---- */

static void queue_clear(GuardPort *g) {
        Queued *q, *next;

        DL_FOREACH_SAFE(g->queue, q, next) {
                DL_DELETE(g->queue, q);
                free(q);
        }
        g->n_queued = 0;
}

static void arm_at(GuardPort *g, usec_t at) {
        if (sd_event_source_set_time(g->retry, at) < 0 || sd_event_source_set_enabled(g->retry, SD_EVENT_ONESHOT) < 0)
                log_error("cannot arm the timer for the guard's socket");
}

static void arm_retry(GuardPort *g) {
        arm_at(g, usec_add(now_boottime(), g->retry_after));
        g->retry_after = MIN(2 * g->retry_after, RETRY_MAX);
}

static void disconnect(GuardPort *g) {
        bool greeted = g->greeted;

        must(g->fd >= 0);
        g->io = sd_event_source_disable_unref(g->io);
        closep(&g->fd);
        g->fd = -1;
        if (g->synced)
                g->down_since = now_boottime();
        g->greeted = g->synced = false;
        g->complained = false;
        g->unheard_since = 0;
        g->version[0] = '\0';
        queue_clear(g);
        arm_retry(g);
        if (greeted)
                g->deliver(&(Event){ .kind = EVENT_GUARD_DOWN }, g->userdata);
}

/* 1: sent, 0: no room now, negative: the connection is broken. */
static int send_now(GuardPort *g, const GuardMessage *m) {
        ssize_t n = send(g->fd, m, sizeof(*m), MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n == (ssize_t) sizeof(*m))
                return 1;
        return n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) ? 0 : -EPIPE;
}

static int queue_add(GuardPort *g, const GuardMessage *m) {
        Queued *q = g->n_queued < QUEUE_MAX ? calloc(1, sizeof(Queued)) : NULL;

        if (!q)
                return -ENOMEM;
        q->message = *m;
        DL_APPEND(g->queue, q);
        g->n_queued++;
        return sd_event_source_set_io_events(g->io, EPOLLIN | EPOLLOUT);
}

static void send_message(GuardPort *g, const GuardMessage *m) {
        int r;

        if (!g->greeted)
                return;
        if (!guard_message_is_valid(m, sizeof(*m))) {
                log_error("not said to the guard, which would not understand it: a request for %s", m->unit);
                return;
        }
        if (m->type != GUARD_BEAT && m->type != GUARD_KEEP &&
                        m->type != GUARD_LIMIT) { /* which an older guard does not answer */
                g->asked = m->serial;
                if (g->unheard_since == 0 && g->synced) {
                        g->unheard_since = now_boottime();
                        arm_at(g, usec_add(g->unheard_since, MUTE_LIMIT));
                }
        }
        r = g->queue ? 0 : send_now(g, m);
        if (r == 0)
                r = queue_add(g, m);
        if (r < 0) {
                /* The connection is not torn down here, where a step of the core may be under way: on_io() finds its
                 * end in the next turn, and then tears it down. */
                log_warning("the connection to the guard is broken");
                (void) shutdown(g->fd, SHUT_RDWR);
        }
}

static void flush_queue(GuardPort *g) {
        while (g->queue) {
                Queued *q = g->queue;
                int r = send_now(g, &q->message);

                if (r == 0)
                        return;
                if (r < 0) {
                        (void) shutdown(g->fd, SHUT_RDWR);
                        return;
                }
                DL_DELETE(g->queue, q);
                free(q);
                g->n_queued--;
        }
        (void) sd_event_source_set_io_events(g->io, EPOLLIN);
}

void guard_port_act(GuardPort *g, const Action *a, usec_t now) {
        GuardMessage m = { .version = GUARD_PROTOCOL, .index = a->index, .serial = a->id };

        must(!a->unit || strlen(a->unit) < sizeof(m.unit));
        if (a->unit)
                str_copy(m.unit, sizeof(m.unit), a->unit);
        switch (a->kind) {
        case ACTION_GUARD_ARM:
                m.type = GUARD_ARM;
                m.flags = a->on ? GUARD_FLAG_KEEPS : 0;
                m.stop_offset = a->stop;
                m.kill_offset = a->kill;
                m.stop_at = usec_add(a->t0, a->stop);
                m.kill_at = usec_add(a->t0, a->kill);
                must(a->index > 0 && a->stop <= a->kill && a->t0 <= now); /* law 1: counted from before it was sent */
                break;
        case ACTION_GUARD_BEAT:
                m.type = GUARD_BEAT;
                m.t0 = a->t0;
                must(a->t0 <= now); /* law 1 */
                break;
        case ACTION_GUARD_KEEP:
                m.type = GUARD_KEEP;
                m.flags = a->on ? GUARD_FLAG_KEEPS : 0;
                m.t0 = a->t0;
                must(a->t0 <= now); /* law 13 */
                break;
        case ACTION_GUARD_LOSE:
                must(a->kill <= GUARD_TTL_MAX); /* the guard believes no more */
                m.type = GUARD_LOSE;
                m.kill_at = usec_add(now, a->kill);
                break;
        case ACTION_GUARD_DISARM:
                m.type = GUARD_DISARM;
                break;
        case ACTION_GATE_OPEN:
                m.type = GUARD_OPEN;
                break;
        case ACTION_GATE_CLOSE:
                m.type = GUARD_CLOSE;
                break;
        default:
                return;
        }
        send_message(g, &m);
}

void guard_port_limit(GuardPort *g, const char *unit, usec_t since, usec_t stop_at, usec_t kill_at) {
        GuardMessage m = { .version = GUARD_PROTOCOL,
                .type = GUARD_LIMIT,
                .stop_at = stop_at,
                .kill_at = kill_at,
                .stop_offset = usec_sub(stop_at, since),
                .serial = g->asked }; /* the core does not know of this request */

        str_copy(m.unit, sizeof(m.unit), unit);
        send_message(g, &m);
}

/* ---- receiving ---- */

static void on_message(GuardPort *g, const GuardMessage *m) {
        if (g->unheard_since > 0)
                g->unheard_since = m->type == GUARD_ENTRY && m->serial >= g->asked ? 0 : now_boottime();
        switch (m->type) {
        case GUARD_HELLO:
                log_debug("connected to the guard, pid %llu", (unsigned long long) m->index);
                g->greeted = true;
                g->retry_after = RETRY_MIN;
                g->deliver(&(Event){ .kind = EVENT_GUARD_UP }, g->userdata);
                break;
        case GUARD_ENTRY:
                g->deliver(
                                &(Event){
                                                .kind = EVENT_GUARD,
                                                .unit = m->unit,
                                                .guard.index = m->index,
                                                .guard.serial = m->serial,
                                                .guard.open = m->flags & GUARD_FLAG_OPEN,
                                                .guard.stop_at = m->stop_at,
                                                .guard.kill_at = m->kill_at,
                                                .guard.expired = m->flags & (GUARD_FLAG_EXPIRED | GUARD_FLAG_LOST),
                                                .guard.jumped = m->flags & GUARD_FLAG_JUMPED,
                                                .guard.frozen = m->flags & GUARD_FLAG_FROZEN,
                                                .guard.limited = m->flags & GUARD_FLAG_LIMITED,
                                },
                                g->userdata);
                break;
        case GUARD_KEEPS:
                g->deliver(&(Event){ .kind = EVENT_GUARD_KEEPS, .id = m->serial, .on = m->flags & GUARD_FLAG_KEEPS },
                                g->userdata);
                break;
        case GUARD_SYNCED:
                g->synced = true;
                g->deliver(&(Event){ .kind = EVENT_GUARD_SYNCED }, g->userdata);
                break;
        case GUARD_VERSION:
                str_copy(g->version, sizeof(g->version), m->unit);
                break;
        default: /* a message of a later protocol */
                break;
        }
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        GuardPort *g = userdata;
        usec_t until = usec_add(now_boottime(), TURN_TIME);

        if (revents & EPOLLOUT)
                flush_queue(g);
        do {
                GuardMessage m;
                ssize_t n = recv(g->fd, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return 0;
                if (n <= 0) {
                        disconnect(g);
                        return 0;
                }
                if (guard_message_is_valid(&m, MIN((size_t) n, sizeof(m))))
                        on_message(g, &m);
                else if (!g->complained) {
                        log_warning("ignoring what the guard says: it is malformed, or of another version of the "
                                    "protocol");
                        g->complained = true;
                }
        } while (now_boottime() < until); /* then other sources have their turn */
        return 0;
}

/* ---- connecting ---- */

static int try_connect(GuardPort *g) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        int r;

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        str_copy(address.sun_path, sizeof(address.sun_path), g->path);
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        r = sd_event_add_io(sd_event_source_get_event(g->retry), &g->io, fd, EPOLLIN, on_io, g);
        if (r < 0)
                return r;
        g->fd = fd;
        fd = -1;
        return 0;
}

/* Gives up the connection if the guard on it is of no use. */
static void look_at_peer(GuardPort *g) {
        usec_t now = now_boottime();

        if (!g->synced) {
                arm_at(g, usec_add(now, GREET_EVERY));
                if (g->missing)
                        g->missing(g->userdata);
        } else if (g->unheard_since > 0 && now >= usec_add(g->unheard_since, MUTE_LIMIT)) {
                log_warning("the guard does not answer, connecting anew");
                disconnect(g);
        } else if (g->unheard_since > 0)
                arm_at(g, usec_add(g->unheard_since, MUTE_LIMIT));
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        GuardPort *g = userdata;
        int r;

        if (g->fd >= 0) {
                look_at_peer(g);
                return 0;
        }
        r = try_connect(g);
        if (r >= 0) {
                arm_at(g, usec_add(now_boottime(), GREET_EVERY));
                return 0;
        }
        if (r != -ENOENT && r != -ECONNREFUSED && r != -EAGAIN)
                log_warning_errno(r, "cannot connect to the guard at %s", g->path);
        arm_retry(g);
        if (g->missing)
                g->missing(g->userdata);
        return 0;
}

bool guard_port_connected(const GuardPort *g) {
        return g->greeted;
}

const char *guard_port_version(const GuardPort *g) {
        return g->version;
}

usec_t guard_port_down_since(const GuardPort *g) {
        return g->synced ? USEC_INFINITY : g->down_since;
}

int guard_port_new(sd_event *event, const char *path, event_sink_t deliver, void (*missing)(void *userdata),
                void *userdata, GuardPort **ret) {
        GuardPort *g = calloc(1, sizeof(GuardPort));
        int r;

        if (!g)
                return -ENOMEM;
        g->fd = -1;
        g->deliver = deliver;
        g->missing = missing;
        g->userdata = userdata;
        g->retry_after = RETRY_MIN;
        g->down_since = now_boottime();
        g->path = strdup(path);
        r = g->path ? sd_event_add_time(event, &g->retry, CLOCK_BOOTTIME, 0, 1, on_retry, g) : -ENOMEM;
        if (r < 0) {
                guard_port_free(g);
                return r;
        }
        *ret = g;
        return 0;
}

GuardPort *guard_port_free(GuardPort *g) {
        if (!g)
                return NULL;
        sd_event_source_disable_unref(g->io);
        sd_event_source_disable_unref(g->retry);
        closep(&g->fd);
        queue_clear(g);
        free(g->path);
        free(g);
        return NULL;
}
