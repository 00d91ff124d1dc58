/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The clock of the benchmarks: small clients of leased and of etcd that do one thing and print when, or how long it
 * took.
 *
 * bench-clock calls NUMBER: acquires, renews and releases so many leases, one call after the other. A line for each
 * call: its name, the nanoseconds that it took, and when it was answered.
 *
 * bench-clock listen: a line for each LeaseChanged of leased: when it came, the lease.
 *
 * bench-clock poke: asks leased for a property every 2 ms. A line, like those of calls, for each answer that took
 * longer than all before.
 *
 * bench-clock txn URL BODY NUMBER: posts the body so often over one connection. A line for each, like those of calls.
 *
 * bench-clock watch URL BODY: posts the body. A line for each event that comes: when it came, the key.
 *
 * bench-clock repeat URL FILE SECONDS: posts the lines of the file one after the other, spread evenly over so many
 * seconds, and begins again.
 *
 * A time is CLOCK_BOOTTIME in nanoseconds. listen and watch print "ready" first; they, poke and repeat go on until
 * they are killed.
 */

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define PERIOD_USEC UINT64_C(10000000)
#define PAUSE_USEC 2000 /* between two questions of poke */
#define MANAGER "org.leased1", "/org/leased1", "org.leased1.Manager"

static int64_t now_nsec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_BOOTTIME, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void say(const char *name, int64_t since) {
        int64_t now = now_nsec();

        (void) printf("%s %lld %lld\n", name, (long long) (now - since), (long long) now);
}

/* Acquires the lease, renews and releases it. Returns 0, or a negative errno, which *ret_error explains. */
static int take_turns(sd_bus *bus, const char *name, sd_bus_error *ret_error) {
        sd_bus_message *answer = NULL;
        char path[512] = "";
        const char *object;
        uint64_t index;
        int64_t since;
        int acquired, r;

        since = now_nsec();
        r = sd_bus_call_method(
                        bus, MANAGER, "AcquireLease", ret_error, &answer, "ssxt", name, "", INT64_C(1), PERIOD_USEC);
        if (r < 0)
                return r;
        say("acquire", since);
        r = sd_bus_message_read(answer, "bot", &acquired, &object, &index);
        if (r >= 0)
                (void) snprintf(path, sizeof(path), "%s", object);
        sd_bus_message_unref(answer);
        if (r < 0)
                return r;
        since = now_nsec();
        r = sd_bus_call_method(bus, "org.leased1", path, "org.leased1.Lease", "Renew", ret_error, &answer, "tt", index,
                        PERIOD_USEC);
        if (r < 0)
                return r;
        say("renew", since);
        r = sd_bus_message_read(answer, "t", &index);
        sd_bus_message_unref(answer);
        if (r < 0)
                return r;
        since = now_nsec();
        r = sd_bus_call_method(bus, "org.leased1", path, "org.leased1.Lease", "Release", ret_error, NULL, "t", index);
        if (r < 0)
                return r;
        say("release", since);
        return 0;
}

static int verb_calls(sd_bus *bus, int number, sd_bus_error *ret_error) {
        for (int i = 0; i < number; i++) {
                char name[64];
                int r;

                (void) snprintf(name, sizeof(name), "bench-%d", i);
                r = take_turns(bus, name, ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int on_lease(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name;

        if (sd_bus_message_read(m, "s", &name) >= 0)
                (void) printf("%lld %s\n", (long long) now_nsec(), name);
        return 0;
}

static int verb_listen(sd_bus *bus) {
        int r = sd_bus_match_signal(bus, NULL, MANAGER, "LeaseChanged", on_lease, NULL);

        if (r >= 0)
                puts("ready");
        while (r >= 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        return r;
}

static int verb_poke(sd_bus *bus, sd_bus_error *ret_error) {
        int64_t longest = 0;

        for (;;) {
                int64_t since = now_nsec();
                char *version = NULL;
                int r = sd_bus_get_property_string(bus, MANAGER, "Version", ret_error, &version);

                free(version);
                if (r < 0)
                        return r;
                if (now_nsec() - since > longest) {
                        longest = now_nsec() - since;
                        say("longest", since);
                }
                (void) sd_bus_wait(bus, PAUSE_USEC);
        }
}

static size_t leave_out(char *data, size_t size, size_t n, void *userdata) {
        return size * n;
}

/* Each event is in the piece in which its key is; the answer to the request itself says that it was created. */
static size_t on_piece(char *data, size_t size, size_t n, void *userdata) {
        int64_t now = now_nsec();
        char *text = strndup(data, size * n);

        if (text && strstr(text, "\"created\":true"))
                puts("ready");
        for (char *at = text ? strstr(text, "\"key\":\"") : NULL; at; at = strstr(at, "\"key\":\"")) {
                at += strlen("\"key\":\"");
                (void) printf("%lld %.*s\n", (long long) now, (int) strcspn(at, "\""), at);
        }
        free(text);
        return size * n;
}

/* For requests to etcd over one connection. NULL without memory; the caller cleans it up. */
static CURL *client(const char *url, curl_write_callback take) {
        CURL *c = curl_easy_init();

        if (!c)
                return NULL;
        (void) curl_easy_setopt(c, CURLOPT_URL, url);
        (void) curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
        (void) curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
        (void) curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
        return c;
}

static int post(const char *url, const char *body, int number, curl_write_callback take) {
        CURL *c = client(url, take);
        CURLcode result = CURLE_OK;

        if (!c)
                return -ENOMEM;
        (void) curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
        for (int i = 0; i < number && result == CURLE_OK; i++) {
                int64_t since = now_nsec();

                result = curl_easy_perform(c);
                if (result == CURLE_OK && take == leave_out)
                        say("txn", since);
        }
        if (result != CURLE_OK)
                fprintf(stderr, "bench-clock: %s: %s\n", url, curl_easy_strerror(result));
        curl_easy_cleanup(c);
        return result == CURLE_OK ? 0 : -EIO;
}

/* Posts the file's lines once, the next one not before its time, which is moved on. A request that fails is only
 * counted: what is played are machines that would try again. */
static int repeat_once(CURL *c, FILE *file, int64_t step, int64_t *at, unsigned long *failed) {
        char *line = NULL;
        size_t size = 0;

        rewind(file);
        while (getline(&line, &size, file) > 0) {
                int64_t ahead = *at - now_nsec();

                if (ahead > 0)
                        (void) poll(NULL, 0, (int) (ahead / 1000000));
                (void) curl_easy_setopt(c, CURLOPT_POSTFIELDS, line);
                *failed += curl_easy_perform(c) != CURLE_OK;
                *at += step;
        }
        free(line);
        return ferror(file) ? -EIO : 0;
}

static int verb_repeat(const char *url, const char *path, double seconds) {
        unsigned long failed = 0, lines = 0;
        FILE *file = fopen(path, "r");
        int64_t at = now_nsec();
        CURL *c;
        int r = 0;

        if (!file)
                return -errno;
        for (int character = fgetc(file); character != EOF; character = fgetc(file))
                lines += character == '\n';
        c = client(url, leave_out);
        if (!c || lines == 0)
                r = -EINVAL;
        while (r >= 0) {
                unsigned long before = failed;

                r = repeat_once(c, file, (int64_t) (seconds * 1e9 / (double) lines), &at, &failed);
                if (failed > before)
                        fprintf(stderr, "bench-clock repeat: %lu requests failed\n", failed);
        }
        curl_easy_cleanup(c);
        (void) fclose(file);
        return r;
}

int main(int argc, char **argv) {
        const char *verb = argc > 1 ? argv[1] : "";
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus *bus = NULL;
        int r = -EINVAL;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc == 5 && strcmp(verb, "txn") == 0)
                r = post(argv[2], argv[3], atoi(argv[4]), leave_out);
        else if (argc == 4 && strcmp(verb, "watch") == 0)
                r = post(argv[2], argv[3], 1, on_piece);
        else if (argc == 5 && strcmp(verb, "repeat") == 0)
                r = verb_repeat(argv[2], argv[3], atof(argv[4]));
        else if (sd_bus_open_system(&bus) >= 0) {
                if (argc == 3 && strcmp(verb, "calls") == 0)
                        r = verb_calls(bus, atoi(argv[2]), &error);
                else if (argc == 2 && strcmp(verb, "listen") == 0)
                        r = verb_listen(bus);
                else if (argc == 2 && strcmp(verb, "poke") == 0)
                        r = verb_poke(bus, &error);
        }
        if (r < 0)
                fprintf(stderr, "bench-clock %s: %s\n", verb, error.message ? error.message : strerror(-r));
        sd_bus_error_free(&error);
        sd_bus_flush_close_unref(bus);
        return r < 0;
}
