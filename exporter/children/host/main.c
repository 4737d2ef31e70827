/* SPDX-License-Identifier: Apache-2.0 */
/* failover_listener_host [--memory BYTES] [--writable PATH]... FILE
 * Where a listener runs: enters the sandbox, then loads FILE when it is a library (.so), or becomes
 * FILE when it is a program. The only place with dlopen(). Started by the daemon. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/children/host/plugin.h"
#include "exporter/children/host/sandbox.h"

enum { WRITABLE_MAX = 64, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* The shadow memory of a sanitizer is larger than any limit: what was built like us has none. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

static bool is_library(const char *path) {
    size_t len = strlen(path);

    return len > 3 && strcmp(path + len - 3, ".so") == 0;
}

static bool is_script(const char *path) {
    char start[2] = {0};
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(start, 1, sizeof start, file) : 0;

    if (file)
        (void)fclose(file);
    return len == sizeof start && memcmp(start, "#!", sizeof start) == 0;
}

/* Prints of a library must not get between the lines of the protocol. */
static int take_output(void) {
    int output_fd = dup(STDOUT_FILENO); /* NOLINT(android-cloexec-dup): closed with the process */

    if (output_fd != -1 && dup2(STDERR_FILENO, STDOUT_FILENO) == -1)
        return -1;
    return output_fd;
}

static int run(char *path) {
    if (is_library(path)) {
        int output_fd = take_output();
        return output_fd == -1 ? STATUS_FAILED : plugin_serve(path, STDIN_FILENO, output_fd);
    }
    char *const arguments[] = {path, NULL};
    (void)execv(path, arguments);
    perror(path); /* NOLINT(concurrency-mt-unsafe) */
    return STATUS_FAILED;
}

/* Where FILE stands in the arguments; 0 = they make no sense. */
static int read_arguments(int argc, char **argv, struct sandbox *sandbox,
                          const char *writable[static WRITABLE_MAX]) {
    int at = 1;

    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (strcmp(argv[at], "--memory") == 0)
            sandbox->memory_bytes = strtoull(argv[at + 1], NULL, 10); /* written by the daemon */
        else if (strcmp(argv[at], "--writable") == 0 && sandbox->writable_count < WRITABLE_MAX)
            writable[sandbox->writable_count++] = argv[at + 1];
        else
            return 0;
    }
    sandbox->writable = writable;
    return at + 1 == argc ? at : 0;
}

int main(int argc, char **argv) {
    struct sandbox sandbox = {0};
    const char *writable[WRITABLE_MAX];
    struct fo_error error;

    int file = read_arguments(argc, argv, &sandbox, writable);
    if (file == 0) {
        (void)fputs("usage: failover_listener_host [--memory BYTES] [--writable PATH]... FILE\n",
                    stderr);
        return STATUS_USAGE;
    }
    if (is_sanitized && !is_script(argv[file]))
        sandbox.memory_bytes = 0;
    int ret = sandbox_enter(&sandbox, &error);
    if (ret < 0) {
        (void)fprintf(stderr, "failover_listener_host: %s\n", error.text);
        return STATUS_FAILED;
    }
    if (ret > 0)
        (void)fputs("this kernel has no Landlock; the listener can write files as its user may\n",
                    stderr);
    return run(argv[file]);
}
