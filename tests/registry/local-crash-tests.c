/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers that are killed, a disk that hangs, and many that begin at once.
 *
 * A Txn is killed before and after each of its system calls, one after the other: the tracer stops it there. So every
 * state that a crash can leave behind is looked at, and the test counts that it has seen them all.
 */
#include "local-tests.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "registry/local/directory.h"
#include "registry/local/store.h"

/* ---- one system call after the other ---- */

static const char *const keys[] = { "fences/x", "beats/x", "leases/x", "requests/y", "requests/x" };

/* All five records at once, the last of them deleted or put. */
static int write_all_of(const char *path, const char *text, bool delete) {
        LocalPatience patience = { .deadline = now_boottime() + PATIENCE };
        _cleanup_(local_store_freep) LocalStore *store = local_store_new(path);
        LocalResult result = {};
        RegistryRecord puts[5];
        int r;

        if (!store)
                return -ENOMEM;
        for (unsigned i = 0; i < 5; i++)
                puts[4 - i] = (RegistryRecord){ .key = keys[i], .value = text, .size = strlen(text) };
        r = local_store_txn(store, &patience,
                        &(RegistryTxn){ .puts = puts + delete,
                                        .n_puts = 5 - (size_t) delete,
                                        .deletes = keys + 4,
                                        .n_deletes = delete },
                        &result);
        local_result_clear(&result);
        return r;
}

pid_t start_traced(int (*f)(const char *path), const char *path) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                        _exit(77);
                (void) raise(SIGSTOP);
                _exit(f(path) < 0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
                return -1;
        if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) < 0)
                return -1;
        return pid;
}

bool step_traced(pid_t pid, int *ret_status) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, ret_status, 0), pid);
        return WIFSTOPPED(*ret_status);
}

static int put_new(const char *path) {
        return write_all_of(path, "new", true);
}

static void a_crash_anywhere_leaves_all_or_nothing(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r = world_open(world);
        unsigned seen[6] = {};
        uint64_t last = 0;
        bool ended = false;

        /* Whole, or not at all: no order of the records has to make a part of them safe. */
        must_put(world, r, "leases/other", "old");
        for (unsigned stop = 1; !ended; stop++) {
                _cleanup_reply_ Reply reply = {};
                unsigned done = 0;
                int status;
                pid_t pid;

                assert_int_equal(write_all_of(d->path, "old", false), 0);
                pid = start_traced(put_new, d->path);
                if (pid < 0) {
                        print_message("skipped: no process can be traced here\n");
                        skip();
                }
                for (unsigned i = 0; i < stop && !ended; i++)
                        ended = !step_traced(pid, &status);
                if (ended)
                        assert_int_equal(status, 0);
                else {
                        assert_int_equal(kill(pid, SIGKILL), 0);
                        assert_int_equal(waitpid(pid, &status, 0), pid);
                }

                assert_int_equal(ask_get(world->event, r, keys, 5, &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                assert_true(reply.revision >= last);
                for (unsigned i = 0; i < 5; i++) {
                        bool new = kept_is(reply.records + i, i < 4 ? "new" : NULL);

                        /* Each is whole, the old or the new, and so are all of them together. */
                        assert_false(reply.records[i].damaged);
                        assert_true(new || kept_is(reply.records + i, "old"));
                        assert_true(!new || done == i);
                        done += new;
                        assert_true(reply.records[i].mod_revision <= reply.revision);
                }
                seen[done]++;
                assert_int_equal(done == 5, kept_is(reply.records + 4, NULL));
                /* And all goes on, with revisions that were never used. */
                last = must_put(world, r, "leases/other", "new");
                assert_true(last > reply.revision);
        }
        for (unsigned i = 0; i < 6; i++)
                assert_true(i % 5 == 0 ? seen[i] > 0 : seen[i] == 0);
}

static int put_one(const char *path) {
        LocalPatience patience = { .deadline = now_boottime() + PATIENCE };
        _cleanup_(local_store_freep) LocalStore *store = local_store_new(path);
        RegistryRecord put = { .key = "beats/x", .value = "new", .size = 3 };
        RegistryCompare compare = { .key = "fences/x" };
        LocalResult result = {};
        int r;

        if (!store)
                return -ENOMEM;
        r = local_store_txn(store, &patience,
                        &(RegistryTxn){ .compares = &compare, .n_compares = 1, .puts = &put, .n_puts = 1 }, &result);
        local_result_clear(&result);
        return r;
}

static void a_txn_of_one_record_costs_five_syncs(void **state) {
        World *world = *state;
        Directory *d = world->store;
        unsigned syncs = 0;
        int status;
        pid_t pid;

        must_put(world, world_open(world), "beats/x", "old");
        pid = start_traced(put_one, d->path);
        if (pid < 0)
                skip();
        while (step_traced(pid, &status)) {
                struct __ptrace_syscall_info info = {};

                assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0);
                syncs += info.op == PTRACE_SYSCALL_INFO_ENTRY &&
                         (info.entry.nr == SYS_fsync || info.entry.nr == SYS_fdatasync ||
                                         info.entry.nr == SYS_syncfs || info.entry.nr == SYS_sync);
        }
        assert_int_equal(status, 0);
        assert_int_equal(syncs, 5);
}

/* ---- whole daemons ---- */

/* Always the same three in one Txn, until it is killed. */
static void write_for_ever(World *world, int started) {
        sd_event *event = NULL;
        char *error = NULL;
        Registry *r = NULL;

        if (sd_event_new(&event) < 0 || directory_open(world->store, event, &r, &error) < 0)
                _exit(1);
        for (unsigned i = 0;; i++) {
                Reply reply = {};
                char text[16];
                RegistryRecord puts[] = { { .key = keys[2], .value = text }, { .key = keys[1], .value = text },
                        { .key = keys[0], .value = text } };

                puts[0].size = puts[1].size = puts[2].size = (size_t) snprintf(text, sizeof(text), "%08x", i);
                if (ask_txn(event, r, &(RegistryTxn){ .puts = puts, .n_puts = 3 }, &reply) < 0 ||
                                reply.outcome != REGISTRY_COMMITTED)
                        _exit(1);
                if (i == 0 && write(started, "x", 1) != 1)
                        _exit(1);
                reply_clear(&reply);
        }
}

static void a_killed_writer_does_not_stop_the_others(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t last = 0;

        for (unsigned round = 0; round < 20; round++) {
                _cleanup_reply_ Reply reply = {};
                int pipes[2], status;
                pid_t pid;
                char c;

                assert_int_equal(pipe(pipes), 0);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0)
                        write_for_ever(world, pipes[1]);
                (void) close(pipes[1]);
                assert_int_equal(read(pipes[0], &c, 1), 1);
                (void) close(pipes[0]);
                for (unsigned i = 0; i < round % 7; i++) {
                        assert_int_equal(ask_list(world->event, r, "", &reply), 0);
                        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                }
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status));

                assert_int_equal(ask_get(world->event, r, keys, 3, &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                assert_true(reply.revision > last);
                for (unsigned i = 0; i < 3; i++) {
                        assert_false(reply.records[i].damaged);
                        assert_int_equal(reply.records[i].size, 8);
                        assert_memory_equal(reply.records[i].value, reply.records[0].value, 8);
                        assert_int_equal(reply.records[i].mod_revision, reply.records[0].mod_revision);
                }
                last = must_put(world, r, "requests/x", "again");
                assert_true(last > reply.revision);
        }
}

/* A child's work: who is the store? */
static int tell_id(Directory *d, int to) {
        LocalPatience patience = { .deadline = now_boottime() + PATIENCE };
        _cleanup_(local_store_freep) LocalStore *store = local_store_new(d->path);
        _cleanup_free_ char *error = NULL;
        LocalResult result = {};
        int r = -ENOMEM;

        if (store)
                r = local_directory_prepare(d->path, &error);
        if (r == 0)
                r = local_store_list(store, &patience, "", 0, &result);
        if (r == 0 && write(to, result.store, sizeof(result.store)) != sizeof(result.store))
                r = -EIO;
        local_result_clear(&result);
        return r;
}

static void those_who_begin_at_once_agree_on_one_store(void **state) {
        World *world = *state;
        pid_t pids[8];
        int pipes[2];
        char ids[ELEMENTSOF(pids)][LOCAL_STORE_ID_SIZE];

        assert_int_equal(pipe(pipes), 0);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
                pids[i] = fork();
                assert_true(pids[i] >= 0);
                if (pids[i] == 0)
                        _exit(tell_id(world->store, pipes[1]) < 0);
        }
        (void) close(pipes[1]);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
                int status;

                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                assert_int_equal(status, 0);
                assert_int_equal(read(pipes[0], ids[i], sizeof(ids[i])), sizeof(ids[i]));
                assert_string_equal(ids[i], ids[0]);
        }
        (void) close(pipes[0]);
        assert_int_equal(strlen(ids[0]), LOCAL_STORE_ID_SIZE - 1);
}

/* ---- a disk that hangs ---- */

/* Runs a program; whether it ended well. */
static bool run(const char *const *argv) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                int null = open("/dev/null", O_RDWR | O_CLOEXEC);

                (void) dup2(null, STDOUT_FILENO);
                (void) dup2(null, STDERR_FILENO);
                (void) execvp(argv[0], (char *const *) argv);
                _exit(127);
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool mount_disk(Directory *d) {
        char image[96];
        const char *const make[] = { "mkfs.ext4", "-q", "-F", image, NULL };
        const char *const mount_it[] = { "mount", "-o", "loop", image, d->path, NULL };
        int fd;

        (void) snprintf(image, sizeof(image), "%s/image", d->top);
        fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return false;
        d->mounted = ftruncate(fd, 16 << 20) == 0 && mkdir(d->path, 0755) == 0 && run(make) && run(mount_it);
        (void) close(fd);
        return d->mounted;
}

/*
 * Freezes the file system until *ret_pipe is closed: by us, or by our death, since a frozen disk outlives its mount
 * and must not be left behind. -1: it cannot be frozen.
 */
static pid_t freeze_disk(Directory *d, int *ret_pipe) {
        int nothing = 0, pipes[2], fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char c;
        pid_t pid;

        if (fd < 0 || pipe2(pipes, O_CLOEXEC) < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                (void) close(pipes[1]);
                (void) setpgid(0, 0); /* what is meant for us is not meant for it */
                while (read(pipes[0], &c, 1) < 0 && errno == EINTR)
                        ;
                _exit(ioctl(fd, FITHAW, &nothing) < 0);
        }
        (void) close(pipes[0]);
        if (pid < 0 || ioctl(fd, FIFREEZE, &nothing) < 0)
                pid = -1;
        (void) close(fd);
        *ret_pipe = pipes[1];
        return pid;
}

static void a_disk_that_hangs_does_not_stop_the_loop(void **state) {
        World *world = *state;
        Directory *d = world->store;
        RegistryRecord put = { .key = "beats/x", .value = "2", .size = 1 };
        Reply first = {}, second = {};
        Reply *both[] = { &first, &second };
        Registry *r;
        usec_t begin;
        int alive = -1, status;
        pid_t thawer;

        if (!mount_disk(d)) {
                print_message("skipped: no disk image can be mounted here\n");
                skip();
        }
        r = world_open(world);
        must_put(world, r, "beats/x", "1");
        thawer = freeze_disk(d, &alive);
        assert_true(thawer > 0);
        d->thaw_fd = alive;

        begin = now_boottime();
        for (unsigned i = 0; i < 2; i++) { /* the second one waits behind the first */
                both[i]->ops = r->ops;
                assert_int_equal(r->ops->txn(r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, 300 * USEC_PER_MSEC,
                                                 reply_take, both[i], &both[i]->request),
                                0);
        }
        while (first.calls == 0 || second.calls == 0) {
                usec_t turn = now_boottime();

                assert_true(sd_event_run(world->event, 10 * USEC_PER_MSEC) >= 0);
                assert_true(now_boottime() - turn < 200 * USEC_PER_MSEC);
                assert_true(turn - begin < 2 * USEC_PER_SEC);
        }
        assert_int_equal(first.outcome, REGISTRY_UNKNOWN);
        assert_int_equal(second.outcome, REGISTRY_UNKNOWN);
        assert_non_null(first.error);

        /* A handle may be closed meanwhile, and nothing waits for the disk. */
        begin = now_boottime();
        world_close(world, r);
        assert_true(now_boottime() - begin < 500 * USEC_PER_MSEC);
        d->thaw_fd = -1;
        (void) close(alive);
        assert_int_equal(waitpid(thawer, &status, 0), thawer);
        assert_int_equal(status, 0);
        r = world_open(world);
        must_put(world, r, "beats/x", "3");
        (void) must_be(world, r, "beats/x", "3"); /* nothing lands after it: what hung is through, or was dropped */
        reply_clear(&first);
        reply_clear(&second);
        world_close(world, r);
}

int run_crash_tests(void) {
        const struct CMUnitTest tests[] = {
                PROMISE(a_crash_anywhere_leaves_all_or_nothing),
                PROMISE(a_txn_of_one_record_costs_five_syncs),
                PROMISE(a_killed_writer_does_not_stop_the_others),
                PROMISE(those_who_begin_at_once_agree_on_one_store),
                PROMISE(a_disk_that_hangs_does_not_stop_the_loop),
        };

        return cmocka_run_group_tests_name("local: crash", tests, NULL, NULL);
}
