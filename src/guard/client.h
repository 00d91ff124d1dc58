/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The guard's end of the socket to the daemon. It listens, lets in uid 0 only, serves one peer at a time (a new peer
 * takes the place of the old one), and passes packets without knowing what they mean. Nothing is queued: if the socket
 * has no room, the caller is told so, and called again when there is room. */

#include <systemd/sd-event.h>

#include "guard/protocol.h"

typedef struct Client Client;

/* The identity of the socket that was made at the client's path. By this the client knows whether somebody has removed
 * or replaced the socket. */
typedef struct ClientSocket {
        uint64_t device, inode, mode;
} ClientSocket;

typedef struct ClientCallbacks {
        void (*connected)(void *userdata);                      /* there is a new peer, which is to be greeted */
        void (*message)(const GuardMessage *m, void *userdata); /* a valid message has come; m is borrowed */
        void (*settle)(void *userdata);                         /* after a batch of messages, or when there is room */
} ClientCallbacks;

/* Listens at path, and replaces what is there. Gives an object that the caller owns. path is copied; event and
 * callbacks are borrowed for the object's life. Returns 0 or a negative errno; does not log. */
int client_new(sd_event *event, const char *path, const ClientCallbacks *callbacks, void *userdata, Client **ret);
/* As client_new(), but goes on with listen_fd, a descriptor that listens already, instead of making a socket. The
 * client owns listen_fd from now on, also if this fails. *made is the identity of the socket that was made at path for
 * listen_fd; it is copied. */
int client_new_from(sd_event *event, const char *path, int listen_fd, const ClientSocket *made,
                const ClientCallbacks *callbacks, void *userdata, Client **ret);
/* Returns the descriptor that listens, borrowed, and gives the identity of its socket, for client_new_from(). c must
 * not be NULL. */
int client_listening(const Client *c, ClientSocket *ret);
/* Ends the connection, and frees the object; NULL is allowed. Returns NULL. */
Client *client_free(Client *c);
/* Listens anew if the socket at path was removed or replaced; a connected peer stays. To be called from time to time.
 * Returns 0, or a negative errno: nobody can connect now. */
int client_look(Client *c);
/* Whether there is a peer; c may be NULL. */
bool client_is_connected(const Client *c);
/* Sends a message, with the serial of the peer's last request in it. Returns 0 if it was sent or there is no peer, and
 * -EAGAIN if there is no room: settle() will be called. Any other failure ends the connection, and 0 is returned. c
 * may be NULL. */
int client_send(Client *c, const GuardMessage *m);
