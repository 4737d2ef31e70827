/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/remote.h - what the commands that talk to a daemon share: finding its door, asking,
 * and showing what it says to people. Private to these commands. Owns: nothing. Threads: [main]. */
#ifndef EX_CLI_REMOTE_H
#define EX_CLI_REMOTE_H

#include <jansson.h>
#include <limits.h>

#include "exporter/cli/client.h"
#include "exporter/cli/flags.h"

enum { EX_REMOTE_TIMEOUT_MS = 60 * 1000, EX_REMOTE_PATH_MAX_BYTES = 16 * 1024 };

/* Filled by the flags below. */
struct ex_remote_door {
    struct ex_client client;
    const char *storage_path;
    char socket[PATH_MAX];
};

/* The flags that say which daemon is meant; entries of an array of struct ex_flag. */
#define EX_REMOTE_FLAGS(door_)                                                                     \
    {"storage.path", EX_FLAG_TEXT, &(door_)->storage_path, "DIR",                                  \
     "The daemon's: its socket is in there."},                                                     \
        {"control.socket", EX_FLAG_TEXT, &(door_)->client.socket, "FILE",                          \
         "The daemon's socket itself."},                                                           \
        {"control.address", EX_FLAG_TEXT, &(door_)->client.address, "URL",                         \
         "https://HOST:PORT, when the daemon takes commands over TCP."},                           \
        {"control.token-file", EX_FLAG_TEXT, &(door_)->client.token_file, "FILE",                  \
         "The token for --control.address."},                                                      \
    {                                                                                              \
        "control.ca-file", EX_FLAG_TEXT, &(door_)->client.ca_file, "FILE",                         \
            "Who vouches for the certificate of --control.address."                                \
    }

/* Where the control door of the daemon is that the flags are of. -EINVAL, said on standard error,
 * when they do not tell. */
FO_MUST_CHECK int ex_remote_find_door(struct ex_remote_door *door);

/* Asks. 0: *ret_json is the caller's, *ret_text (may be NULL) the same as it came, to be freed.
 * Or a negative errno, and what is wrong was said on standard error. */
FO_MUST_CHECK int ex_remote_fetch(const struct ex_remote_door *door,
                                  const struct ex_client_request *request, json_t **ret_json,
                                  char **ret_text);

/* Asks, and shows the answer with `show` (may be NULL) or, asked for JSON, as it is. Returns the
 * exit status. */
int ex_remote_ask(const struct ex_remote_door *door, const struct ex_client_request *request,
                  bool json, void (*show)(const json_t *answer));

/* Each takes the answer of the REST call of that name. Text of strangers is made harmless. */
void ex_remote_show_list(const json_t *overview);
void ex_remote_show_status(const json_t *job);
void ex_remote_show_failures(const json_t *exceptions);
void ex_remote_show_plan(const json_t *plan);
/* Of one piece of a log: its text, line by line. */
void ex_remote_show_log(const json_t *log);

/* logs: prints what a task, or each task of a job, has written. Returns the exit status. */
struct ex_logs_request {
    const struct ex_remote_door *door;
    const char *job;
    const char *task;    /* NULL: each */
    const char *attempt; /* NULL: the current one */
    bool follow;
};
int ex_remote_logs(const struct ex_logs_request *request);

#endif
