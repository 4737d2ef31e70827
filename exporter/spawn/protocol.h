/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/protocol.h - the words between the daemon and failover_spawn.
 * One message per packet of a SOCK_SEQPACKET socket, in the layout of this machine: both ends are
 * built together and the version in every message says so. Descriptors travel by SCM_RIGHTS.
 * Owns: nothing. Threads: any. */
#ifndef EX_SPAWN_PROTOCOL_H
#define EX_SPAWN_PROTOCOL_H

#include <stdint.h>

#include "failover/types.h"

#define EX_SPAWN_VERSION 1u

/* Limits of one message. A packet is bounded by the socket's send buffer, of which an unprivileged
 * process gets 208 KiB; the kernel takes at most 253 descriptors with a packet. */
#define EX_SPAWN_MESSAGE_MAX_BYTES ((size_t)192 * 1024)
#define EX_SPAWN_MESSAGE_MAX_DESCRIPTORS 250u

/* Limits of one process. */
#define EX_SPAWN_DESCRIPTORS_MAX 16384u /* handed over by all messages of one start */
#define EX_SPAWN_TARGET_MAX 16384u      /* a descriptor's number in the new process is below this */
#define EX_SPAWN_STRINGS_MAX 8192u      /* arguments and environment together */

enum ex_spawn_request_kind {
    EX_SPAWN_DESCRIPTORS = 1, /* some of the descriptors of the EX_SPAWN_START with the same id */
    EX_SPAWN_START,           /* struct ex_spawn_start, and the last of its descriptors */
    EX_SPAWN_SIGNAL,          /* struct ex_spawn_signal */
    EX_SPAWN_HOLD,            /* keep the one descriptor open until the very end (a lock) */
    EX_SPAWN_SHUTDOWN,        /* as if the socket had been closed */
};

struct ex_spawn_header {
    uint32_t version;
    uint32_t kind;
    uint64_t id; /* chosen by the daemon, never 0 for a process, never used twice */
};

/* Limits of one process and all that descends from it; 0 = none. */
struct ex_spawn_limits {
    uint64_t memory_bytes;
    uint32_t cpu_milli; /* thousandths of a core */
    uint32_t pids;
    uint32_t nofile;
};

/* EX_SPAWN_START. Followed by `map_count` entries of struct ex_spawn_map, then by strings, each
 * terminated: the working directory, `argument_count` arguments, `environment_count` settings. */
struct ex_spawn_start {
    struct ex_spawn_header header;
    struct ex_spawn_limits limits;
    uint32_t argument_count;
    uint32_t environment_count;
    uint32_t map_count;
    uint32_t change_user; /* 0 or 1: become uid and gid, no further groups */
    uint32_t uid;
    uint32_t gid;
};

/* Descriptor number `target` of the new process is the `index`th that came with the request. */
struct ex_spawn_map {
    uint32_t index;
    uint32_t target;
};

enum ex_spawn_scope {
    EX_SPAWN_GROUP,      /* the process group */
    EX_SPAWN_EVERYTHING, /* all that descends from the process, wherever it went */
};

struct ex_spawn_signal {
    struct ex_spawn_header header;
    uint32_t signal;
    uint32_t scope;
};

enum ex_spawn_report_kind {
    EX_SPAWN_READY = 1,   /* the spawner's first word; `flags` says what it can do */
    EX_SPAWN_STARTED,     /* the program runs; pid, flags */
    EX_SPAWN_NOT_STARTED, /* step, error; nothing runs and nothing more comes of this id */
    EX_SPAWN_EXITED,      /* the process ended: wait_status, usage, oom_kills. Without FLAG_GONE
                             something that descends from it lives on; whether it is to be killed
                             is the daemon's to say */
    EX_SPAWN_GONE,        /* nothing that descends from it is alive; the last word of this id */
    EX_SPAWN_LOST,        /* made by the client: the spawner died, and with it all of this id */
};

/* At which step a start failed. */
enum ex_spawn_step {
    EX_SPAWN_STEP_REQUEST,
    EX_SPAWN_STEP_CLONE,
    EX_SPAWN_STEP_CGROUP,
    EX_SPAWN_STEP_DESCRIPTORS,
    EX_SPAWN_STEP_LIMITS,
    EX_SPAWN_STEP_DIRECTORY,
    EX_SPAWN_STEP_USER,
    EX_SPAWN_STEP_EXEC,
    EX_SPAWN_STEP_COUNT,
};

/* Flags of reports. */
#define EX_SPAWN_FLAG_GONE 1u     /* EXITED: GONE as well; no further report comes */
#define EX_SPAWN_FLAG_TRACKING 2u /* READY: descendants are tracked by a cgroup (v2) */
#define EX_SPAWN_FLAG_NO_MEMORY                                                                    \
    4u                            /* READY: no cgroup can limit memory; STARTED: it was asked for */
#define EX_SPAWN_FLAG_NO_CPU 8u   /* the same for cpu */
#define EX_SPAWN_FLAG_NO_PIDS 16u /* the same for pids */

#define EX_SPAWN_OOM_UNSUPPORTED (-1)

struct ex_spawn_report {
    struct ex_spawn_header header;
    uint32_t flags;
    int32_t pid;
    int32_t error; /* positive errno */
    uint32_t step;
    int32_t wait_status; /* as waitpid() gives it */
    int32_t oom_kills;   /* counted by the cgroup during its life, or EX_SPAWN_OOM_UNSUPPORTED */
    uint64_t user_us;
    uint64_t system_us;
    uint64_t peak_bytes; /* resident, of its largest process */
};

/* A request to start a process, read from a message; all pointers lead into the message. The two
 * vectors end with NULL and lie in `strings`. The first place of the environment is left NULL for a
 * setting of the reader's own. */
struct ex_spawn_order {
    struct ex_spawn_start start;
    const char *directory;
    char **arguments;
    char **environment;
    const struct ex_spawn_map *map;
    char *strings[EX_SPAWN_STRINGS_MAX + 3];
};

/* Reads an EX_SPAWN_START of `len` bytes that came with `descriptor_count` descriptors; `message`
 * is aligned for uint64_t and must outlive the order.
 * -EINVAL, and the order is not to be used: cut short, a count over its limit, a string without an
 * end, no argument, an index or target out of range, a target given twice, bytes left over. */
FO_MUST_CHECK int ex_spawn_order_read(char *message, size_t len, uint32_t descriptor_count,
                                      struct ex_spawn_order *ret_order);

/* For people: "working directory", "exec". "?" when out of range. */
const char *ex_spawn_step_name(uint32_t step);

#endif
