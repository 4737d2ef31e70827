/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/client.h - the daemon's end of failover_spawn: start processes, signal them, hear
 * of their ends. The spawner is started here, or is a service of its own that is connected to; it
 * is replaced when it dies; then everything that it had started is killed first, and every process
 * of it is reported LOST. Owns: the spawner process and the socket to it. Threads: [main] the
 * loop's; nothing blocks but ex_spawner_new() and ex_spawner_close(). With a spawner of its own the
 * process becomes a subreaper, and while a dead spawner's orphans are being cleared away it kills
 * and reaps every child that it did not already have when the client started: nothing else in the
 * process may have children of its own. */
#ifndef EX_SPAWN_CLIENT_H
#define EX_SPAWN_CLIENT_H

#include <stdbool.h>
#include <uv.h>

#include "exporter/spawn/protocol.h"

struct ex_spawner;

struct ex_spawner_config {
    uv_loop_t *loop;     /* borrowed until the close callback */
    const char *program; /* copied; NULL = failover_spawn beside our own program, then libexec */
    /* Of the service to connect to instead; borrowed until the close callback. NULL = start one. */
    const char *socket_path;
    bool without_cgroups; /* of a child: track by environment, group and session; no limits, no
                             proof */
    /* The spawner died; `restarted` is false when no other could be started. May be NULL. */
    void (*died)(void *ctx, bool restarted);
    void *ctx;
};

/* A process as its starter sees it; embedded in what the starter owns, zeroed before use. It must
 * stay where it is from ex_spawner_start() to the last report: NOT_STARTED, GONE, LOST, or EXITED
 * with EX_SPAWN_FLAG_GONE; within that report it may be freed or used again. All reports that are
 * ready come in one turn of the loop, before its check handles run. */
struct ex_spawn_watch {
    void (*report)(struct ex_spawn_watch *watch, const struct ex_spawn_report *report);
    uint64_t id;         /* not 0 while something is running */
    uint32_t generation; /* of the spawner that has it */
};

/* What is to be started. All is copied except the descriptors, which are taken: they are closed
 * here whatever comes of it, also on an error. */
struct ex_spawn_command {
    const char *const
        *arguments; /* NULL-terminated; the first is looked up in PATH of environment */
    const char *const *environment; /* NULL-terminated; a setting of the spawner's is added */
    const char *directory;
    const int *descriptors;
    uint32_t descriptor_count;
    const struct ex_spawn_map *map; /* indices into descriptors */
    uint32_t map_count;
    struct ex_spawn_limits limits;
    bool change_user;
    uint32_t uid;
    uint32_t gid;
};

/* Starts the spawner, or connects to it and waits for its first word. 0, or a negative errno with
 * `reterr`; then the loop may have to run once more to let go of a handle. */
FO_MUST_CHECK int ex_spawner_new(const struct ex_spawner_config *config,
                                 struct ex_spawner **ret_spawner, struct fo_error *reterr);

/* Ends the spawner and with it everything it has started; no watch is told. Waits for it: until
 * the last descendant is dead. `closed` may be NULL; it is called when the loop has let go. */
void ex_spawner_close(struct ex_spawner *spawner, void (*closed)(void *ctx));

/* Starts a process; what comes of it is told to `watch`, never before this returns.
 * -E2BIG: more bytes or descriptors than a request can carry. -ENOMEM. -EPIPE: there is no spawner
 * and none could be started. */
FO_MUST_CHECK int ex_spawner_start(struct ex_spawner *spawner,
                                   const struct ex_spawn_command *command,
                                   struct ex_spawn_watch *watch);

/* Signals the process group, or all that descends from the process. Nothing happens if it ended. */
void ex_spawner_signal(struct ex_spawner *spawner, const struct ex_spawn_watch *watch,
                       int signal_number, enum ex_spawn_scope scope);

/* Has the spawner keep a copy of `fd` (a lock) open until everything it started is dead. `fd` stays
 * the caller's and must stay open as long as the client: a later spawner is given it again. One
 * descriptor only; a later call takes the place of the earlier one for later spawners. */
FO_MUST_CHECK int ex_spawner_hold(struct ex_spawner *spawner, int fd);

/* EX_SPAWN_FLAG_* that the spawner has told; 0 until it has. */
uint32_t ex_spawner_flags(const struct ex_spawner *spawner);

/* The spawner's pid, 0 when there is none. */
int ex_spawner_pid(const struct ex_spawner *spawner);

#endif
