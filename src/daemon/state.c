/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/state.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "daemon/state-file.h"
#include "util/file-util.h"
#include "util/log.h"
#include "util/worker.h"

#define EXIT_WAIT (2 * USEC_PER_SEC)

struct State {
        char *session_path;
        char *session;   /* found at the start; NULL: there was none */
        char *kept;      /* the text that was last written to session_path */
        StateFile *file; /* NULL: the thread has it */
        char *memory_path;
        LoadedMemory loaded;
        FormerRegistry former;

        Worker *worker;
        sd_event_source *finished;
        struct Write *latest; /* the write that was last handed over; NULL: it is finished */
        int result;           /* of the write that was finished last */
        bool failing;

        void (*on_result)(void *userdata);
        void *on_result_data;
};

/* ---- on the thread ---- */

/* One request to write the file. */
typedef struct Write {
        Work work;
        MemoryCopy *changes; /* since the request before */
        int result;
} Write;

static void write_do(Work *work, void *file) {
        Write *w = (Write *) work;

        w->result = state_file_write(file, TAKE_PTR(w->changes));
}

static void write_free(Work *work) {
        Write *w = (Write *) work;

        memory_copy_free(w->changes);
        free(w);
}

static Write *write_new(void) {
        Write *w = calloc(1, sizeof(Write));

        if (!w)
                return NULL;
        w->work = (Work){ .f = write_do, .free = write_free };
        w->changes = memory_copy_new();
        if (!w->changes) {
                free(w);
                return NULL;
        }
        return w;
}

/* ---- on the loop ---- */

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        State *s = userdata;
        eventfd_t count;
        Work *work;

        (void) eventfd_read(fd, &count);
        while ((work = worker_pop(s->worker))) {
                if (s->latest == (Write *) work)
                        s->latest = NULL;
                s->result = ((Write *) work)->result;
                write_free(work);
        }
        if (s->result < 0 && !s->failing)
                log_error_errno(s->result,
                                "cannot write %s: what this machine remembers of the registry is kept in memory only",
                                s->memory_path);
        else if (s->result == 0 && s->failing)
                log_notice("%s can be written again", s->memory_path);
        s->failing = s->result < 0;
        if (s->on_result)
                s->on_result(s->on_result_data);
        return 0;
}

int state_result(const State *s) {
        return s->latest ? -EINPROGRESS : s->result;
}

void state_on_result(State *s, void (*f)(void *userdata), void *userdata) {
        s->on_result = f;
        s->on_result_data = userdata;
}

const char *state_path(const State *s) {
        return s->memory_path;
}

void state_remember(State *s, const CoreMemory *changes) {
        /* A request that still waits behind a write takes up further changes. */
        Write *w = s->latest && worker_take_back(s->worker, &s->latest->work) ? s->latest : write_new();

        if (!w)
                abort(); /* as in the core: the change would never reach the file */
        memory_copy_take(w->changes, changes);
        s->latest = w;
        worker_push(s->worker, &w->work);
}

/* ---- the session ---- */

int state_keep_session(State *s, const char *session) {
        _cleanup_free_ char *text = NULL;

        if (asprintf(&text, "%s\n", session) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        free(s->kept);
        s->kept = TAKE_PTR(text);
        return write_file_atomic(s->session_path, s->kept, strlen(s->kept), 0600, 0);
}

void state_look(State *s) {
        if (s->kept && access(s->session_path, F_OK) < 0)
                (void) write_file_atomic(s->session_path, s->kept, strlen(s->kept), 0600, 0);
}

static int load_session(State *s) {
        _cleanup_free_ char *text = NULL;
        int r = read_file(s->session_path, 4096, &text, NULL);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return log_error_errno(r, "cannot read %s", s->session_path);
        text[strcspn(text, "\n")] = '\0';
        if (session_ttl(text) == 0) {
                log_warning("%s holds no session's name: starting a new session", s->session_path);
                return 0;
        }
        s->session = TAKE_PTR(text);
        if (asprintf(&s->kept, "%s\n", s->session) < 0) {
                s->kept = NULL;
                return log_oom();
        }
        return 0;
}

/* ---- life ---- */

const CoreMemory *state_memory(const State *s) {
        return &s->loaded.memory;
}

static void former_done(FormerRegistry *f) {
        free((void *) f->uuid);
        free((void *) f->store);
        *f = (FormerRegistry){};
}

const FormerRegistry *state_former(const State *s) {
        return &s->former;
}

void state_forget_registry(State *s) {
        CoreMemory *m = &s->loaded.memory;

        s->former = (FormerRegistry){ .uuid = m->uuid, .store = m->store, .revision = m->revision };
        if (isempty(m->uuid) || m->newcomer || m->silence)
                former_done(&s->former);
        m->uuid = m->store = NULL;
        m->revision = 0;
        m->newcomer = false;
        m->silence = false;
}

const char *state_session(const State *s) {
        return s->session;
}

static int load_memory(State *s, const char *directory) {
        s->file = state_file_new(directory);
        s->memory_path = s->file ? strdup(state_file_path(s->file)) : NULL;
        return s->memory_path ? state_file_load(s->file, &s->loaded) : log_oom();
}

static int start_worker(State *s, sd_event *event) {
        int r = worker_new(TAKE_PTR(s->file), state_file_free, &s->worker);

        if (r < 0)
                return log_error_errno(r, "cannot start a thread");
        r = sd_event_add_io(event, &s->finished, worker_fd(s->worker), EPOLLIN, on_finished, s);
        return r < 0 ? log_error_errno(r, "cannot watch an event descriptor") : 0;
}

int state_new(sd_event *event, const char *run_directory, const char *state_directory, State **ret) {
        State *s = calloc(1, sizeof(State));
        int r;

        if (!s)
                return log_oom();
        if (asprintf(&s->session_path, "%s/session", run_directory) < 0)
                s->session_path = NULL;
        r = s->session_path ? 0 : log_oom();
        if (r == 0)
                r = load_session(s);
        if (r == 0)
                r = load_memory(s, state_directory);
        if (r == 0)
                r = start_worker(s, event);
        if (r < 0) {
                state_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

State *state_free(State *s) {
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->finished);
        if (!worker_free(s->worker, EXIT_WAIT))
                log_warning("%s cannot be written in time: leaving it as it is", s->memory_path);
        state_file_free(s->file);
        memory_done(&s->loaded);
        former_done(&s->former);
        free(s->session);
        free(s->kept);
        free(s->session_path);
        free(s->memory_path);
        free(s);
        return NULL;
}
