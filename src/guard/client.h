/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The guard's end of the socket. It listens, lets in uid 0 only, one peer at a time (a new peer takes the place of the
 * old one), and moves packets without knowing what they mean. Nothing is queued: when the socket has no room, the
 * caller is told so, and called when there is room again. */

#include <systemd/sd-event.h>

#include "guard/protocol.h"

typedef struct Client Client;

typedef struct ClientCallbacks {
        void (*connected)(void *userdata);                      /* there is a new peer, to be greeted */
        void (*message)(const GuardMessage *m, void *userdata); /* a valid message has come */
        void (*settle)(void *userdata);                         /* after a batch of messages, or when there is room */
} ClientCallbacks;

/* Listens at path, replacing what is there. callbacks are borrowed. 0 or a negative errno; non-logging. */
int client_new(sd_event *event, const char *path, const ClientCallbacks *callbacks, void *userdata, Client **ret);
Client *client_free(Client *c);
/* Listens anew if what lies at path is not our socket any more; a connected peer stays. To be called from time to
 * time. 0, or a negative errno: there is nothing to connect to. */
int client_look(Client *c);
/* Whether there is a peer; c may be NULL. */
bool client_is_connected(const Client *c);
/* 0: sent, or there is nobody to send it to; -EAGAIN: no room, settle() will be called. Other failures end the
 * connection and count as nobody. */
int client_send(Client *c, const GuardMessage *m);
