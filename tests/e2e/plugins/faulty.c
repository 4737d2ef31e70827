/* SPDX-License-Identifier: Apache-2.0 */
/* A listener library that misbehaves in the way its configuration names: {"fault": "abort"}. It
 * declares FAULTY_KEYS and, unless the fault keeps it from answering, answers the last of them. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "failover/listener.h"

#ifndef FAULTY_KEYS
#define FAULTY_KEYS "team"
#endif

enum {
    PIECE_BYTES = 1 << 20,
    FLOOD_LINES = 200000,
    CHILDREN = 20,
    FOREIGN = 1000,
    WORD_BYTES = 64
};

struct faulty {
    const struct fl_host *host;
    void (*fault)(const struct faulty *self, uint64_t completion); /* NULL: answers */
    unsigned failures;
    char mark[WORD_BYTES]; /* argument by which its children are known, or file that wakes it */
};

static const char *const keys[] = {FAULTY_KEYS};
static const uint32_t key_count = sizeof keys / sizeof keys[0];

static void answer(const struct faulty *self, uint64_t completion) {
    struct fo_label labels[sizeof keys / sizeof keys[0]];

    for (uint32_t i = 0; i < key_count; i++)
        labels[i] = (struct fo_label){fo_str_of(keys[i]), fo_str_of("blue")};
    self->host->complete(self->host->ctx, completion, labels, key_count);
}

static void segfault(const struct faulty *self, uint64_t completion) {
    static volatile char *volatile nowhere;

    (void)self;
    (void)completion;
    *nowhere = 1;
}

static void abort_second(const struct faulty *self, uint64_t completion) {
    if (self->failures == 2)
        abort();
    answer(self, completion);
}

static void loop(const struct faulty *self, uint64_t completion) {
    static volatile unsigned turns;

    (void)self;
    (void)completion;
    for (;;)
        turns++;
}

/* Until somebody wakes it by a file. */
static void oversleep(const struct faulty *self, uint64_t completion) {
    while (access(self->mark, F_OK) == -1)
        (void)usleep(50000);
    answer(self, completion);
}

/* Ends when memory is refused, as a program that checks its allocations does. */
static void hoard(const struct faulty *self, uint64_t completion) {
    (void)self;
    (void)completion;
    for (;;) {
        volatile char *piece = malloc(PIECE_BYTES);
        if (!piece) {
            (void)fputs("no memory left\n", stderr);
            abort();
        }
        for (size_t i = 0; i < PIECE_BYTES; i += 4096)
            piece[i] = 1;
    }
}

/* What looks like an answer, on what it believes to be the protocol's descriptor and by stdio. */
static void print_garbage(const struct faulty *self, uint64_t completion) {
    static const char garbage[] = "\0\xff{{{[\n";

    (void)printf("{\"completion\":%llu,\"labels\":{\"team\":\"forged\"}}\n",
                 (unsigned long long)completion);
    (void)fflush(stdout);
    (void)!write(STDOUT_FILENO, garbage, sizeof garbage);
    answer(self, completion);
}

/* The same on every other descriptor there is, among them the one that the host answers on. */
static void write_garbage(const struct faulty *self, uint64_t completion) {
    static const char garbage[] = "\0\xff{{{[\n";

    (void)self;
    (void)completion;
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
        (void)!write(fd, garbage, sizeof garbage);
}

static void answer_twice(const struct faulty *self, uint64_t completion) {
    answer(self, completion);
    answer(self, completion);
}

static void answer_another(const struct faulty *self, uint64_t completion) {
    answer(self, completion + FOREIGN);
}

static void flood(const struct faulty *self, uint64_t completion) {
    for (unsigned i = 0; i < FLOOD_LINES; i++)
        self->host->log(self->host->ctx, FL_LOG_WARN, fo_str_of("flood"));
    answer(self, completion);
}

static void close_pipes(const struct faulty *self, uint64_t completion) {
    (void)self;
    (void)completion;
    for (int fd = 0; fd < 64; fd++)
        (void)close(fd);
    for (;;)
        (void)pause();
}

/* Children that outlive their parent and leave its session, each with its ends of the pipes. */
static void fork_many(const struct faulty *self, uint64_t completion) {
    (void)completion;
    for (unsigned i = 0; self->failures == 1 && i < CHILDREN; i++) {
        if (fork() == 0) {
            (void)setsid();
            (void)execlp("sleep", "sleep", self->mark, (char *)NULL);
            _exit(1);
        }
    }
    _exit(1);
}

static const struct {
    const char *name;
    void (*fault)(const struct faulty *self, uint64_t completion);
} faults[] = {
    {"segfault", segfault},
    {"abort", abort_second},
    {"loop", loop},
    {"oversleep", oversleep},
    {"hoard", hoard},
    {"print", print_garbage},
    {"write", write_garbage},
    {"answer twice", answer_twice},
    {"answer another", answer_another},
    {"flood", flood},
    {"close", close_pipes},
    {"fork", fork_many},
};

/* The word under a key of the configuration, a flat object that has it; empty when it is not there.
 */
static void read_word(struct fo_str config_json, const char *key,
                      char ret_word[static WORD_BYTES]) {
    char text[256];
    char before[WORD_BYTES];

    (void)snprintf(text, sizeof text, "%.*s", (int)config_json.len, config_json.ptr);
    (void)snprintf(before, sizeof before, "\"%s\":\"", key);
    const char *found = strstr(text, before);
    *ret_word = '\0';
    if (found)
        (void)sscanf(found + strlen(before), "%63[^\"]", ret_word);
}

static int32_t faulty_create(const struct fl_host *host, struct fo_str config_json, void **ret_self,
                             char *err, uint32_t err_size) {
    static struct faulty self;
    char fault[WORD_BYTES];

    (void)err;
    (void)err_size;
    self.host = host;
    read_word(config_json, "mark", self.mark);
    read_word(config_json, "fault", fault);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (strcmp(fault, faults[i].name) == 0)
            self.fault = faults[i].fault;
    }
    *ret_self = &self;
    return FL_OK;
}

static int32_t faulty_on_failure(void *ctx, const struct fl_failure *failure, uint64_t completion) {
    struct faulty *self = ctx;

    (void)failure;
    self->failures++;
    if (self->fault)
        self->fault(self, completion);
    else
        answer(self, completion);
    return FL_OK;
}

FL_EXPORT const struct fl_listener fl_listener_entry = {
    .size = sizeof fl_listener_entry,
    .abi = FL_ABI,
    .name = "faulty",
    .version = "1.0",
    .output_keys = keys,
    .output_key_count = sizeof keys / sizeof keys[0],
    .create = faulty_create,
    .on_failure = faulty_on_failure,
};
