/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two questions about each call, one after the other, while the loop goes on. First the bus is asked who calls; uid 0
 * may do anything. About any other user polkit is asked next; without polkit only uid 0 may. What polkit says is
 * forgotten with the call, and asked anew for the next one. The last few callers with uid 0 are remembered by their
 * names on the bus, which are never given to anybody else as long as the bus lives: so a program that renews its
 * leases waits for the bus only once.
 *
 * polkit may hang, and anybody may call. So there are limits to how many questions to polkit are under way, of one
 * user and of all; each one lasts for a limited time, and only while its caller is there; further ones are refused at
 * once. None of this holds up uid 0, about whom polkit is not asked, or the daemon's own requests to PID 1, which have
 * a connection of their own. The bus itself answers at once; how many calls may wait for it is limited all the same.
 * Where no more may, whoever has the most calls there loses his last one, and not whoever comes: so nobody who calls
 * without end, over as many connections as a bus allows a user, keeps others out.
 */

#include "daemon/authorize.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <utlist.h>

#include "daemon/bus-link.h"
#include "daemon/bus-util.h"
#include "util/log.h"

#define POLKIT_TIMEOUT (5 * USEC_PER_SEC)
#define POLKIT_TIMEOUT_INTERACTIVE (2 * USEC_PER_MINUTE) /* somebody may have to type a password meanwhile */
#define POLKIT_INTERACTIVE 1u
#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_AUTHORITY "org.freedesktop.PolicyKit1.Authority"

enum {
        QUESTIONS_OF_USER_MAX = 8, /* questions to polkit that are under way, of one user */
        QUESTIONS_MAX = 32,        /* ... and of all users: a quarter of the answers that dbus-daemon lets be due on a
                                      connection */
        CALLS_MAX = 1024,          /* calls that are under way in all */
        TEXT_MAX = 1024,           /* bytes of a text argument: no name that a method takes is longer ... */
        RECORD_MAX = 256 * 1024,   /* ... but the record that PutUnitFile() takes */
};

struct Authorization {
        Authorization *prev, *next;
        Daemon *daemon;
        sd_bus_message *message;
        sd_bus_slot *slot;
        sd_bus_slot *gone; /* the match that tells when the caller leaves the bus */
        uint32_t uid, pid;
        unsigned before; /* how many calls of the same caller waited when this one came */
        bool asked;      /* polkit is being asked */
        uint64_t serial; /* the number by which the question to polkit is taken back */
        verb_t verb;
};

static void authorization_free(Authorization *a) {
        DL_DELETE(a->daemon->callers.authorizations, a);
        sd_bus_slot_unref(a->slot);
        sd_bus_slot_unref(a->gone);
        sd_bus_message_unref(a->message);
        free(a);
}

/* Ends the authorization. r >= 0: the verb has replied, or will; otherwise error, or else the errno r, is replied. */
static void finish(Authorization *a, int r, sd_bus_error *error) {
        bus_reply_failed(a->message, r, error);
        authorization_free(a);
}

static void allow(Authorization *a) {
        sd_bus_error error = SD_BUS_ERROR_NULL;

        a->daemon->callers.uid = a->uid;
        a->daemon->callers.pid = a->pid;
        finish(a, a->verb(a->daemon, a->message, &error), &error);
}

static void refuse(Authorization *a, const char *name, const char *why) {
        sd_bus_error error = SD_BUS_ERROR_NULL;

        finish(a, bus_error(&error, name, "Only root may call %s()%s.", sd_bus_message_get_member(a->message), why),
                        &error);
}

/* ---- how many ---- */

static unsigned count_questions(const Daemon *d, const uint32_t *uid) {
        unsigned n = 0;
        Authorization *a;

        DL_FOREACH(d->callers.authorizations, a)
                n += a->asked && (!uid || a->uid == *uid);
        return n;
}

/* Calls of the caller with that name on the bus; NULL: of everybody. */
static unsigned count_calls(const Daemon *d, const char *name) {
        unsigned n = 0;
        const Authorization *a;

        DL_FOREACH(d->callers.authorizations, a)
                n += !name || streq(sd_bus_message_get_sender(a->message), name);
        return n;
}

static int set_full(sd_bus_error *error) {
        return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many callers wait.");
}

/* Makes room for a call of a caller of whom so many wait already, at the cost of the caller with the most. Returns
 * whether there is room. */
static bool make_room(Daemon *d, unsigned before) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Authorization *a, *last = NULL;

        if (count_calls(d, NULL) < CALLS_MAX)
                return true;
        DL_FOREACH(d->callers.authorizations, a)
                if (!a->asked && a->before > before && (!last || a->before >= last->before))
                        last = a;
        if (last)
                finish(last, set_full(&error), &error);
        return last;
}

/* The message is kept until there is an answer, so its size must be bounded: no method takes a long text. */
static bool is_small(sd_bus_message *m) {
        size_t most = streq(sd_bus_message_get_member(m), "PutUnitFile") ? RECORD_MAX : TEXT_MAX;
        const char *text;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(m, &type, NULL)) > 0) {
                if (type != 's')
                        r = sd_bus_message_skip(m, NULL);
                else {
                        r = sd_bus_message_read_basic(m, 's', &text);
                        if (r >= 0 && strlen(text) > most)
                                return false;
                }
                if (r < 0)
                        break;
        }
        return r >= 0 && sd_bus_message_rewind(m, true) >= 0;
}

/* ---- polkit ---- */

/* A method of the lease's own object names the lease by its path. */
static bool is_of_lease(sd_bus_message *m) {
        return streq(sd_bus_message_get_interface(m), BUS_LEASE);
}

static const char *action_of(sd_bus_message *m) {
        const char *member = sd_bus_message_get_member(m);

        if (streq(member, "Reload"))
                return "org.leased1.reload";
        if (is_of_lease(m) || endswith(member, "Lease") || startswith(member, "RunCommand"))
                return "org.leased1.manage-leases";
        return "org.leased1.manage-units";
}

/* What the caller wants, as polkit is told. */
typedef struct Details {
        const char *verb, *unit, *lease, *machine; /* "" where there is none */
} Details;

/* The name of the method that does on the holder what AskUnit() asks for: one rule of polkit serves both. */
static const char *verb_of_asked(const char *asked) {
        static const char *const verbs[][2] = {
                { "release", "ReleaseUnit" },
                { "transfer", "TransferUnit" },
                { "rearm", "RearmUnit" },
                { "stop", "StopUnit" },
                { "start", "StartUnit" },
                { "restart", "RestartUnit" },
        };

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(asked, verbs[i][0]))
                        return verbs[i][1];
        return "AskUnit";
}

static int read_unit_details(sd_bus_message *m, Details *ret) {
        const char *asked = NULL;
        char type = 0;
        int r = sd_bus_message_read(m, "s", &ret->unit);

        if (r >= 0 && sd_bus_message_has_signature(m, "sss"))
                r = sd_bus_message_read(m, "s", &asked);
        if (r >= 0)
                r = sd_bus_message_peek_type(
                                m, &type, NULL); /* a number is that of a lease's Index, or of a version */
        if (r > 0 && type == 's')
                r = sd_bus_message_read(m, "s", &ret->machine);
        if (asked)
                ret->verb = verb_of_asked(asked);
        return r;
}

/* Reads what the method's arguments name. */
static int read_details(sd_bus_message *m, Details *ret) {
        if (endswith(ret->verb, "Lease") || endswith(ret->verb, "Index") || startswith(ret->verb, "RunCommand"))
                return sd_bus_message_read(m, "s", &ret->lease);
        if (sd_bus_message_has_signature(m, ""))
                return 0;
        if (strstr(ret->verb, "Machine"))
                return sd_bus_message_read(m, "s", &ret->machine);
        return strstr(ret->verb, "Unit") || streq(ret->verb, "LimitCommand") ? read_unit_details(m, ret) : 0;
}

/* Appends the details for the text that polkit shows to an administrator, and for polkit's rules: the verb, and its
 * lease, unit or machine. */
static int append_details(sd_bus_message *question, sd_bus_message *m) {
        Details details = { .verb = sd_bus_message_get_member(m), .unit = "", .lease = "", .machine = "" };
        int r = 0;

        if (is_of_lease(m))
                details.lease = sd_bus_message_get_path(m);
        else
                r = read_details(m, &details);
        if (r >= 0)
                r = sd_bus_message_append(question, "a{ss}", 4, "verb", details.verb, "unit", details.unit, "lease",
                                details.lease, "machine", details.machine);
        return r < 0 ? r : sd_bus_message_rewind(m, true);
}

static void format_question(const Authorization *a, char *ret, size_t size) {
        (void) snprintf(ret, size, "leased-%" PRIu64, a->serial);
}

/* Takes the question back: a window that asks for a password closes. */
static void take_back(Authorization *a) {
        sd_bus_message *word = NULL;
        char id[32];

        format_question(a, id, sizeof(id));
        if (sd_bus_message_new_method_call(bus_link_get(a->daemon->links.api), &word, POLKIT_NAME, POLKIT_PATH,
                            POLKIT_AUTHORITY, "CancelCheckAuthorization") >= 0 &&
                        sd_bus_message_append(word, "s", id) >= 0 &&
                        sd_bus_message_set_expect_reply(word, false) >= 0 &&
                        sd_bus_message_set_auto_start(word, false) >= 0)
                (void) sd_bus_send(NULL, word, NULL);
        sd_bus_message_unref(word);
}

static int on_gone(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Authorization *a = userdata;

        if (bus_name_is_gone(m)) {
                take_back(a);
                authorization_free(a);
        }
        return 0;
}

/* Without this handler a bus that refuses the match would end the connection. Where it does refuse, the question ends
 * only by its time limit. */
static int on_gone_installed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        return 0;
}

static void watch_caller(Authorization *a) {
        (void) bus_follow_name(bus_link_get(a->daemon->links.api), &a->gone, sd_bus_message_get_sender(a->message),
                        on_gone, on_gone_installed, a);
}

static int on_polkit(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error) {
        Authorization *a = userdata;
        int authorized = 0, challenge = 0;

        if (sd_bus_message_is_method_error(answer, NULL)) {
                take_back(a); /* the answer may merely be late */
                refuse(a, SD_BUS_ERROR_ACCESS_DENIED, ", and polkit does not answer");
        } else if (sd_bus_message_enter_container(answer, 'r', "bba{ss}") < 0 ||
                        sd_bus_message_read(answer, "bb", &authorized, &challenge) < 0)
                refuse(a, SD_BUS_ERROR_ACCESS_DENIED, ", and polkit's answer cannot be read");
        else if (authorized)
                allow(a);
        else if (challenge)
                refuse(a, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, ", or who authenticates to polkit");
        else
                refuse(a, SD_BUS_ERROR_ACCESS_DENIED, ", and polkit does not allow it");
        return 0;
}

static int ask_polkit(Authorization *a) {
        sd_bus_message *question = NULL;
        bool interactive = sd_bus_message_get_allow_interactive_authorization(a->message) > 0;
        char id[32];
        int r;

        a->serial = ++a->daemon->callers.last_question;
        format_question(a, id, sizeof(id));
        r = sd_bus_message_new_method_call(bus_link_get(a->daemon->links.api), &question, POLKIT_NAME, POLKIT_PATH,
                        POLKIT_AUTHORITY, "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(question, "(sa{sv})s", "system-bus-name", 1, "name", "s",
                                sd_bus_message_get_sender(a->message), action_of(a->message));
        if (r >= 0)
                r = append_details(question, a->message);
        if (r >= 0)
                r = sd_bus_message_append(question, "us", interactive ? POLKIT_INTERACTIVE : 0, id);
        if (r >= 0) {
                watch_caller(a);
                a->slot = sd_bus_slot_unref(a->slot);
                r = sd_bus_call_async(bus_link_get(a->daemon->links.api), &a->slot, question, on_polkit, a,
                                interactive ? POLKIT_TIMEOUT_INTERACTIVE : POLKIT_TIMEOUT);
        }
        a->asked = r >= 0;
        sd_bus_message_unref(question);
        return r;
}

/* ---- the bus ---- */

static const Root *find_root(const Daemon *d, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(d->callers.roots); i++)
                if (streq(d->callers.roots[i].name, name))
                        return d->callers.roots + i;
        return NULL;
}

static void remember_root(const Authorization *a) {
        const char *name = sd_bus_message_get_sender(a->message);
        Daemon *d = a->daemon;
        Root *root = d->callers.roots + d->callers.n_roots++ % ELEMENTSOF(d->callers.roots);

        if (strlen(name) >= sizeof(root->name))
                return;
        str_copy(root->name, sizeof(root->name), name);
        root->pid = a->pid;
}

/* Reads the caller's user and process id. Returns 1; 0 if the bus does not say the user; or a negative errno. */
static int read_credentials(sd_bus_message *m, Authorization *a) {
        bool uid_known = false;
        const char *name;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0 && (streq(name, "UnixUserID") || streq(name, "ProcessID")))
                        r = sd_bus_message_read(m, "v", "u", streq(name, "ProcessID") ? &a->pid : &a->uid);
                else if (r >= 0)
                        r = sd_bus_message_skip(m, "v");
                uid_known = uid_known || (r >= 0 && streq(name, "UnixUserID"));
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : uid_known;
}

static int on_caller(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error) {
        Authorization *a = userdata;

        if (sd_bus_message_is_method_error(answer, NULL) || read_credentials(answer, a) <= 0)
                refuse(a, SD_BUS_ERROR_ACCESS_DENIED, ", and the bus does not say who is calling");
        else if (a->uid == 0) {
                remember_root(a);
                allow(a);
        } else if (count_questions(a->daemon, &a->uid) >= QUESTIONS_OF_USER_MAX ||
                        count_questions(a->daemon, NULL) >= QUESTIONS_MAX)
                refuse(a, SD_BUS_ERROR_LIMITS_EXCEEDED, ", and too many others wait for polkit's word");
        else if (ask_polkit(a) < 0)
                refuse(a, SD_BUS_ERROR_ACCESS_DENIED, "");
        return 0;
}

int authorize(Daemon *d, sd_bus_message *m, verb_t verb, sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(m);
        Authorization *a;
        unsigned before;
        const Root *root;
        int r;

        if (!sender)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "The caller has no name on the bus.");
        if (!is_small(m))
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "An argument is too long.");
        root = find_root(d, sender);
        before = count_calls(d, sender);
        if (root && before == 0) { /* calls of one caller are carried out in their order */
                d->callers.uid = 0;
                d->callers.pid = root->pid;
                r = verb(d, m, error);
                return r < 0 ? r : 1;
        }
        if (!make_room(d, before))
                return set_full(error);
        a = calloc(1, sizeof(Authorization));
        if (!a)
                return -ENOMEM;
        a->daemon = d;
        a->verb = verb;
        a->before = before;
        a->message = sd_bus_message_ref(m);
        DL_APPEND(d->callers.authorizations, a);
        r = sd_bus_call_method_async(bus_link_get(d->links.api), &a->slot, DBUS_NAME, DBUS_PATH, DBUS_NAME,
                        "GetConnectionCredentials", on_caller, a, "s", sender);
        if (r < 0) {
                authorization_free(a);
                return r;
        }
        return 1;
}

void authorize_cancel(Daemon *d) {
        while (d->callers.authorizations)
                authorization_free(d->callers.authorizations);
        memset(d->callers.roots, 0, sizeof(d->callers.roots)); /* the next connection may be to another bus */
}
