/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/client.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "util/file-util.h"
#include "util/log.h"

/* Messages that are read in one turn of the loop, so that a talkative peer does not delay the timer. */
#define BATCH 64u

struct Client {
        sd_event *event;
        char *path;
        ClientSocket made; /* the socket at path */
        const ClientCallbacks *callbacks;
        void *userdata;
        int listen_fd, fd;
        sd_event_source *listen_source, *source;
        bool complained;
        uint64_t serial; /* of the last request received from this peer */
};

static void drop_peer(Client *c) {
        c->source = sd_event_source_disable_unref(c->source);
        closep(&c->fd);
        c->fd = -1;
        c->complained = false;
        c->serial = 0;
}

/* Reads one message. 1: there may be more; 0: there is no more now, or the peer is gone. */
static int receive(Client *c) {
        GuardMessage m;
        ssize_t n = recv(c->fd, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC);

        if (n < 0 && errno == EINTR)
                return 1;
        if (n < 0 && errno == EAGAIN)
                return 0;
        if (n <= 0) {
                drop_peer(c);
                return 0;
        }
        /* A longer packet comes from a later daemon: the fields that it has at the end are unknown here. */
        if (guard_message_is_valid(&m, (size_t) n)) {
                c->serial = m.serial;
                c->callbacks->message(&m, c->userdata);
        } else if (!c->complained) {
                log_warning("ignoring a malformed message from the daemon");
                c->complained = true;
        }
        return 1;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Client *c = userdata;

        for (unsigned i = 0; i < BATCH && c->fd >= 0; i++)
                if (receive(c) == 0)
                        break;
        if (c->source)
                (void) sd_event_source_set_io_events(c->source, EPOLLIN);
        c->callbacks->settle(c->userdata);
        return 0;
}

static bool is_root(int fd) {
        struct ucred u;
        socklen_t n = sizeof(u);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) >= 0 && u.uid == 0;
}

static int on_connection(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata) {
        Client *c = userdata;
        int room = 4 * 1024 * 1024; /* room to send an ENTRY for each of many units at once */
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
                return 0;
        if (!is_root(fd)) {
                (void) close(fd);
                return 0;
        }
        drop_peer(c);
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
        if (sd_event_add_io(sd_event_source_get_event(source), &c->source, fd, EPOLLIN, on_io, c) < 0) {
                (void) close(fd);
                return 0;
        }
        c->fd = fd;
        c->callbacks->connected(c->userdata);
        c->callbacks->settle(c->userdata);
        return 0;
}

bool client_is_connected(const Client *c) {
        return c && c->fd >= 0;
}

int client_send(Client *c, const GuardMessage *m) {
        GuardMessage copy = *m;

        copy.serial = c ? c->serial : 0;
        if (!client_is_connected(c) || send(c->fd, &copy, sizeof(copy), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
                return 0;
        if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) {
                (void) sd_event_source_set_io_events(c->source, EPOLLIN | EPOLLOUT);
                return -EAGAIN;
        }
        /* The connection is not torn down here, where a message of this very peer may be at work: on_io() will find
         * its end. */
        (void) shutdown(c->fd, SHUT_RDWR);
        return 0;
}

static int listen_anew(Client *c) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sd_event_source *source = NULL;
        struct stat st;
        int r;

        str_copy(address.sun_path, sizeof(address.sun_path), c->path);
        if (fd < 0 || unlink_if_exists(c->path) < 0 || fchmod(fd, 0600) < 0 ||
                        bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, 16) < 0 ||
                        lstat(c->path, &st) < 0)
                return -errno;
        r = sd_event_add_io(c->event, &source, fd, EPOLLIN, on_connection, c);
        if (r < 0)
                return r;
        sd_event_source_disable_unref(c->listen_source);
        closep(&c->listen_fd);
        c->listen_source = source;
        c->listen_fd = fd;
        fd = -1;
        c->made = (ClientSocket){ st.st_dev, st.st_ino, st.st_mode };
        return 0;
}

int client_look(Client *c) {
        struct stat st;

        if (lstat(c->path, &st) == 0 && st.st_dev == c->made.device && st.st_ino == c->made.inode &&
                        st.st_mode == c->made.mode)
                return 0;
        return listen_anew(c);
}

static Client *client_alloc(sd_event *event, const char *path, const ClientCallbacks *callbacks, void *userdata) {
        Client *c = calloc(1, sizeof(Client));

        if (!c)
                return NULL;
        *c = (Client){ .event = event, .callbacks = callbacks, .userdata = userdata, .listen_fd = -1, .fd = -1 };
        c->path = strdup(path);
        return c->path ? c : client_free(c);
}

int client_new(sd_event *event, const char *path, const ClientCallbacks *callbacks, void *userdata, Client **ret) {
        Client *c = client_alloc(event, path, callbacks, userdata);
        int r = c ? listen_anew(c) : -ENOMEM;

        if (r < 0) {
                client_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

int client_new_from(sd_event *event, const char *path, int listen_fd, const ClientSocket *made,
                const ClientCallbacks *callbacks, void *userdata, Client **ret) {
        Client *c = client_alloc(event, path, callbacks, userdata);
        int r;

        if (!c) {
                (void) close(listen_fd);
                return -ENOMEM;
        }
        c->listen_fd = listen_fd;
        c->made = *made;
        r = fcntl(listen_fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
        if (r == 0)
                r = sd_event_add_io(event, &c->listen_source, listen_fd, EPOLLIN, on_connection, c);
        if (r < 0) {
                client_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

int client_listening(const Client *c, ClientSocket *ret) {
        *ret = c->made;
        return c->listen_fd;
}

Client *client_free(Client *c) {
        if (!c)
                return NULL;
        drop_peer(c);
        sd_event_source_disable_unref(c->listen_source);
        closep(&c->listen_fd);
        free(c->path);
        free(c);
        return NULL;
}
