/* SPDX-License-Identifier: Apache-2.0 */
/* The listener `log`: writes every event record as it came, one JSON object per line, to a file
 * that is rotated: PATH, then PATH.1 (newer) to PATH.N (older). listeners: {log: {config: {path:
 * /var/log/failover/events.jsonl}, writable: [/var/log/failover]}} config: path (required),
 * max_bytes (10 MiB), files (5), events (all but failure). */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, MAX_BYTES = 10 * 1024 * 1024, FILES = 5, FILES_MAX = 1000 };

struct sink {
    const char *path;
    long long max_bytes;
    int files;
    int fd; /* -1 = closed */
    long long size;
};

static void say(json_t *message) {
    char *text = json_dumps(message, JSON_COMPACT);

    if (text)
        (void)printf("%s\n", text);
    (void)fflush(stdout);
    free(text);
    json_decref(message);
}

static int complain(const char *what, const char *path) {
    say(json_pack("{s:{s:s, s:o}}", "log", "level", "error", "message",
                  json_sprintf("%s %s: %s", what, path,
                               strerror(errno)))); /* NOLINT(concurrency-mt-unsafe) */
    return -1;
}

static int open_sink(struct sink *sink) {
    struct stat status;

    sink->fd = open(sink->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (sink->fd == -1 || fstat(sink->fd, &status) == -1)
        return complain("cannot open", sink->path);
    sink->size = status.st_size;
    return 0;
}

static void rotate(struct sink *sink) {
    char from[PATH_BYTES];
    char to[PATH_BYTES];

    (void)close(sink->fd);
    sink->fd = -1;
    for (int i = sink->files - 1; i >= 0; i--) {
        (void)snprintf(from, sizeof from, i > 0 ? "%s.%d" : "%s", sink->path, i);
        (void)snprintf(to, sizeof to, "%s.%d", sink->path, i + 1);
        if (rename(from, to) == -1 && errno != ENOENT)
            (void)complain("cannot rotate", from);
    }
}

static int write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        if (written == -1 && errno == EINTR)
            continue;
        if (written == -1)
            return -1;
        bytes += written;
        len -= (size_t)written;
    }
    return 0;
}

/* An event that cannot be written is told once and lost; the next tries again. */
static void take(struct sink *sink, const char *line, size_t len) {
    if (sink->fd != -1 && sink->size > 0 && sink->size + (long long)len > sink->max_bytes)
        rotate(sink);
    if (sink->fd == -1 && open_sink(sink) < 0)
        return;
    if (write_all(sink->fd, line, len) < 0) {
        (void)complain("cannot write", sink->path);
        (void)close(sink->fd);
        sink->fd = -1;
        return;
    }
    sink->size += (long long)len;
}

static long long number(const json_t *config, const char *key, long long absent, long long most) {
    const json_t *value = json_object_get(config, key);
    long long n = json_is_integer(value) ? json_integer_value(value) : absent;

    return n < 1 ? 1 : n > most ? most : n;
}

static int refuse(const char *why) {
    say(json_pack("{s:s}", "error", why));
    return 1;
}

static void greet(const json_t *config) {
    json_t *events = json_object_get(config, "events");

    events = json_is_array(events) ? json_incref(events)
                                   : json_pack("[s, s, s]", "labelled", "exhausted", "recovered");
    say(json_pack("{s:s, s:s, s:[], s:o}", "name", "log", "version", "1.0", "output_keys", "events",
                  events));
}

/* Only a failure has a completion, and it is the record's last member. */
static void answer(const char *line) {
    const char *found = strstr(line, ",\"completion\":");

    for (const char *next = found; next; next = strstr(next + 1, ",\"completion\":"))
        found = next;
    if (found)
        say(json_pack("{s:I}", "completion",
                      (json_int_t)strtoll(found + strlen(",\"completion\":"), NULL, 10)));
}

int main(void) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len = getline(&line, &capacity, stdin);
    json_t *root = json_loadb(line ? line : "", len > 0 ? (size_t)len : 0, 0, NULL);
    const json_t *config = json_object_get(root, "config");
    struct sink sink = {.path = json_string_value(json_object_get(config, "path")), .fd = -1};

    if (!sink.path || *sink.path != '/' || strlen(sink.path) > PATH_BYTES - 16)
        return refuse("config.path must be an absolute path");
    sink.max_bytes = number(config, "max_bytes", MAX_BYTES, 1LL << 40);
    sink.files = (int)number(config, "files", FILES, FILES_MAX);
    if (open_sink(&sink) < 0)
        return refuse("config.path cannot be written; is its folder in `writable`?");
    greet(config);
    while ((len = getline(&line, &capacity, stdin)) > 0) {
        take(&sink, line, (size_t)len);
        answer(line);
    }
    free(line);
    json_decref(root);
    return 0;
}
