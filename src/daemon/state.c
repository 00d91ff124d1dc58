/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/state.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

#include "daemon/memory.h"
#include "daemon/memory-copy.h"
#include "util/file-util.h"
#include "util/log.h"

#define STATE_SIZE_MAX (64u * 1024 * 1024)
#define EXIT_WAIT (2 * USEC_PER_SEC)

struct State {
        char *session_path, *memory_path;
        char *session; /* found at the start; NULL: there was none */
        char *kept;    /* the text that was last written to session_path */
        LoadedMemory loaded;

        pthread_t thread;
        bool started;
        sd_event_source *finished; /* wakes the loop when the thread has finished a write */
        int finished_fd;
        bool failing;

        /* The thread's own. */
        MemoryCopy *memory;
        char *last; /* the text that is in the file; NULL: it is not known */

        /* Shared with the thread. */
        pthread_mutex_t lock;
        pthread_cond_t wake;
        MemoryCopy *pending; /* what has changed since the thread last looked; NULL: nothing has */
        bool stop;
        int result;
        uint64_t given, written; /* number of changes handed over, and the number of the one written last */

        void (*on_result)(void *userdata);
        void *on_result_data;
};

/* ---- the thread ---- */

/* Writes what has changed; the same text is not written twice. */
static int write_memory(State *s, MemoryCopy *changes) {
        _cleanup_free_ char *text = NULL;
        int r;

        memory_copy_take_copy(s->memory, changes);
        text = memory_copy_encode(s->memory);
        if (!text)
                return -ENOMEM;
        if (s->last && streq(s->last, text))
                return 0;
        r = write_file_atomic(s->memory_path, text, strlen(text), 0600, WRITE_SYNC);
        free(s->last);
        s->last = r >= 0 ? TAKE_PTR(text) : NULL; /* so that the next change tries again, even with the same text */
        return r;
}

static void *writer(void *userdata) {
        State *s = userdata;

        (void) pthread_mutex_lock(&s->lock);
        for (;;) {
                MemoryCopy *changes;
                uint64_t number;
                int r;

                while (!s->pending && !s->stop)
                        (void) pthread_cond_wait(&s->wake, &s->lock);
                if (!s->pending)
                        break;
                changes = TAKE_PTR(s->pending);
                number = s->given;
                (void) pthread_mutex_unlock(&s->lock);

                r = write_memory(s, changes);

                (void) pthread_mutex_lock(&s->lock);
                s->result = r;
                s->written = number;
                (void) eventfd_write(s->finished_fd, 1);
        }
        (void) pthread_mutex_unlock(&s->lock);
        return NULL;
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        State *s = userdata;
        eventfd_t count;
        int r;

        (void) eventfd_read(fd, &count);
        (void) pthread_mutex_lock(&s->lock);
        r = s->result;
        (void) pthread_mutex_unlock(&s->lock);
        if (r < 0 && !s->failing)
                log_error_errno(r,
                                "cannot write %s: what this machine remembers of the registry is kept in memory only",
                                s->memory_path);
        else if (r == 0 && s->failing)
                log_notice("%s can be written again", s->memory_path);
        s->failing = r < 0;
        if (s->on_result)
                s->on_result(s->on_result_data);
        return 0;
}

int state_result(State *s) {
        int r;

        (void) pthread_mutex_lock(&s->lock);
        r = s->written == s->given ? s->result : -EINPROGRESS;
        (void) pthread_mutex_unlock(&s->lock);
        return r;
}

void state_on_result(State *s, void (*f)(void *userdata), void *userdata) {
        s->on_result = f;
        s->on_result_data = userdata;
}

const char *state_path(const State *s) {
        return s->memory_path;
}

void state_remember(State *s, const CoreMemory *changes) {
        (void) pthread_mutex_lock(&s->lock);
        if (!s->pending)
                s->pending = memory_copy_new();
        if (s->pending) {
                memory_copy_take(s->pending, changes);
                s->given++;
                (void) pthread_cond_signal(&s->wake);
        } else
                (void) log_oom();
        (void) pthread_mutex_unlock(&s->lock);
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

static int load_memory(State *s) {
        _cleanup_free_ char *text = NULL, *aside = NULL;
        const char *why = NULL;
        size_t size;
        int r;

        r = read_file(s->memory_path, STATE_SIZE_MAX, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return log_error_errno(r, "cannot read %s", s->memory_path);
        r = memory_decode(text, size, &s->loaded, &why);
        if (r != -EBADMSG)
                return r < 0 ? log_error_errno(r, "cannot load %s", s->memory_path) : 0;
        /* The memory is only needed after the registry was replaced, which is rarer than a damaged disk. So the daemon
         * starts without it: not to start would stop the units here. */
        if (asprintf(&aside, "%s.damaged", s->memory_path) < 0) {
                aside = NULL;
                return log_oom();
        }
        if (rename(s->memory_path, aside) < 0)
                log_warning_errno(errno, "cannot rename %s", s->memory_path);
        log_error("%s is damaged (%s): going on as a machine that remembers nothing; the file is kept as %s",
                        s->memory_path, why, aside);
        return 0;
}

/* ---- life ---- */

const CoreMemory *state_memory(const State *s) {
        return &s->loaded.memory;
}

const char *state_session(const State *s) {
        return s->session;
}

static int start_writer(State *s, sd_event *event) {
        int r;

        s->memory = memory_copy_new();
        if (!s->memory)
                return log_oom();
        memory_copy_take(s->memory, &s->loaded.memory);
        s->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->finished_fd < 0)
                return log_error_errno(errno, "cannot create an event descriptor");
        r = sd_event_add_io(event, &s->finished, s->finished_fd, EPOLLIN, on_finished, s);
        if (r < 0)
                return log_error_errno(r, "cannot watch an event descriptor");
        r = pthread_create(&s->thread, NULL, writer, s);
        if (r != 0)
                return log_error_errno(r, "cannot start a thread");
        s->started = true;
        return 0;
}

int state_new(sd_event *event, const char *run_directory, const char *state_directory, State **ret) {
        State *s = calloc(1, sizeof(State));
        int r;

        if (!s)
                return log_oom();
        s->finished_fd = -1;
        (void) pthread_mutex_init(&s->lock, NULL);
        (void) pthread_cond_init(&s->wake, NULL);
        if (asprintf(&s->session_path, "%s/session", run_directory) < 0)
                s->session_path = NULL;
        if (asprintf(&s->memory_path, "%s/state.json", state_directory) < 0)
                s->memory_path = NULL;
        r = s->session_path && s->memory_path ? 0 : log_oom();
        if (r == 0)
                r = load_session(s);
        if (r == 0)
                r = load_memory(s);
        if (r == 0)
                r = start_writer(s, event);
        if (r < 0) {
                state_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

/* false: the disk hangs. */
static bool join_writer(State *s) {
        struct timespec until;
        usec_t end;

        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        end = (usec_t) until.tv_sec * USEC_PER_SEC + (usec_t) until.tv_nsec / 1000 + EXIT_WAIT;
        until = (struct timespec){ (time_t) (end / USEC_PER_SEC), (long) (end % USEC_PER_SEC * 1000) };
        (void) pthread_mutex_lock(&s->lock);
        s->stop = true;
        (void) pthread_cond_signal(&s->wake);
        (void) pthread_mutex_unlock(&s->lock);
        return pthread_clockjoin_np(s->thread, NULL, CLOCK_MONOTONIC, &until) == 0;
}

State *state_free(State *s) {
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->finished);
        if (s->started && !join_writer(s)) {
                log_warning("%s cannot be written in time: leaving it as it is", s->memory_path);
                return NULL; /* not freed: the thread still uses it, and the process is about to end */
        }
        closep(&s->finished_fd);
        (void) pthread_mutex_destroy(&s->lock);
        (void) pthread_cond_destroy(&s->wake);
        memory_done(&s->loaded);
        memory_copy_free(s->pending);
        memory_copy_free(s->memory);
        free(s->last);
        free(s->session);
        free(s->kept);
        free(s->session_path);
        free(s->memory_path);
        free(s);
        return NULL;
}
