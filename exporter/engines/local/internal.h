/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/local/internal.h - what the files of the local engine share.
 * Threads: [main] everything. */
#ifndef EX_ENGINES_LOCAL_INTERNAL_H
#define EX_ENGINES_LOCAL_INTERNAL_H

#include <sys/queue.h>
#include <sys/types.h>

#include "exporter/engines/local/folders.h"
#include "exporter/engines/local/judge.h"
#include "exporter/engines/local/local.h"
#include "exporter/engines/local/output.h"

/* Attempts whose start was asked for and not yet told, beyond which others wait: it bounds the
 * descriptors that are under way to the spawner. */
#define EX_LOCAL_STARTING_MAX 256u

/* Where an attempt's output is: of its job's folder, vertex, index and attempt. */
#define EX_LOCAL_LOG_FORMAT "%s/logs/%s.%" PRIu32 ".%" PRIu32 ".log"

struct ex_attempt;
TAILQ_HEAD(ex_attempt_list, ex_attempt);
LIST_HEAD(ex_local_job_list, ex_engine_job);

struct ex_local {
    struct ex_local_config config;
    char *directory;
    struct ex_local_user user;
    struct ex_pump *pump;
    /* After each turn's reports the check handle judges what is unsettled; the idle handle runs
     * while something is, so that the loop does not wait first. */
    uv_check_t check;
    uv_idle_t idle;
    uint64_t turn;
    uint32_t open_handles;
    struct ex_local_job_list jobs;
    struct ex_attempt_list waiting; /* to be started, in order */
    uint32_t starting;
    uint64_t epoch;
    uint64_t notify_serial;
    uint64_t trash_serial;
    int null_fd;
    bool limits_noted; /* that limits cannot be kept here was logged */
};

/* A published partition: the attempt that wrote it. */
#define EX_UNPUBLISHED UINT32_MAX

struct ex_local_edge {
    char *folder;        /* below the job's; NULL: no blocking edge */
    uint32_t *published; /* attempt, by producer index; NULL: no blocking edge */
};

struct ex_engine_job {
    LIST_ENTRY(ex_engine_job) entry;
    struct ex_local *engine;
    char id[EX_JOB_ID_LEN + 1];
    const struct ex_job_spec *spec; /* borrowed until job_closed */
    void *owner;
    char *folder;
    struct ex_local_edge *edges; /* by edge */
    struct ex_attempt **current; /* by task; NULL = none */
    struct ex_ending *endings;   /* by task */
    struct ex_attempt_list attempts;
    bool *is_unsettled;  /* by region: to be judged at the end of the turn */
    uint32_t *unsettled; /* those regions */
    uint32_t unsettled_count;
    bool *is_held;             /* by region: a broken pipe waits for a better explanation */
    enum ex_verdict *verdicts; /* of the region being judged */
    uv_timer_t judge_again;
    bool suspended; /* it goes on with a later daemon */
    bool closing;
    uint32_t closing_parts; /* that must end before the job can go */
};

enum ex_attempt_stage {
    EX_ATTEMPT_WAITING,  /* in the engine's list */
    EX_ATTEMPT_STARTING, /* the spawner was asked */
    EX_ATTEMPT_ALIVE,
    EX_ATTEMPT_EXITED,   /* the leader has ended, or the start failed */
    EX_ATTEMPT_GONE,     /* so has everything; its output is being collected */
    EX_ATTEMPT_COMPLETE, /* to be judged */
};

struct ex_attempt {
    TAILQ_ENTRY(ex_attempt) entry;   /* of the job */
    TAILQ_ENTRY(ex_attempt) waiting; /* of the engine */
    struct ex_spawn_watch watch;
    struct ex_engine_job *job;
    const struct ex_vertex_spec *vertex;
    uint32_t vertex_index;
    uint32_t task;
    uint32_t subtask;
    uint32_t attempt;
    enum ex_attempt_stage stage;
    enum fo_task_state told; /* the state that was reported last */
    bool cancelled;          /* by the owner: ends as CANCELED */
    bool stopping;           /* TERM was sent */
    bool deadline_exceeded;
    bool heartbeat_missed;
    bool lost; /* the spawner died */
    int wait_status;
    int32_t oom_kills;
    pid_t pid;
    int64_t ended_ms;
    uint64_t ended_turn;
    char failure[256];     /* why it could not be started or published; "" = it ran */
    struct ex_buffer head; /* of the output of one that failed */
    struct ex_buffer tail;
    struct fo_partition missing; /* an input that is not there; producer FO_NO_TASK = none */
    int64_t timeout_at_ms;       /* FO_NEVER = not */
    int64_t watchdog_at_ms;
    int64_t kill_at_ms;
    uv_timer_t timer; /* at the earliest of the three */
    bool timer_late;  /* it was, and is asked once more */
    struct ex_output *output;
    char *log_path;
    char *state_path;
    int output_fd; /* the task's end, until it is handed over; -1 */
    struct ex_notify *notify;
    /* Ends of pipes in the order of FAILOVER_INPUTS and FAILOVER_OUTPUTS; -1 where the place is a
     * file's. Handed over at the start. */
    int *input_fds;
    int *output_fds;
    uint32_t input_count;
    uint32_t output_count;
};

/* ---- task.c: the life of one attempt ---- */

/* Makes attempts of a call to deploy() and puts them in line. */
void ex_attempts_deploy(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                        uint32_t count);
/* Starts those in line, as far as there is room. */
void ex_attempts_start(struct ex_local *engine);
void ex_attempt_cancel(struct ex_attempt *attempt);
/* Kills everything of it now. */
void ex_attempt_kill(struct ex_attempt *attempt);
/* A sign of life or readiness came. */
void ex_attempt_ready(struct ex_attempt *attempt);
void ex_attempt_alive(struct ex_attempt *attempt);

/* Ends what it holds; the struct goes when the loop has let go of its timer. */
void ex_attempt_free(struct ex_attempt *attempt);

/* ---- settle.c: how attempts end, and reports ---- */

/* Tells the owner of a state of a live attempt, once; not if it was cancelled. */
void ex_attempt_tell(struct ex_attempt *attempt, enum fo_task_state state);
/* The attempt is complete: tells of it if it was cancelled, has its region judged otherwise. */
void ex_attempt_settle(struct ex_attempt *attempt);
/* Has a region judged at the end of the turn. */
void ex_region_unsettle(struct ex_engine_job *job, uint32_t region);
void ex_jobs_settle(struct ex_local *engine);

/* ---- local.c ---- */

/* Goes on with closing when nothing of the job is left. */
void ex_local_job_continue_closing(struct ex_engine_job *job);

/* ---- channels.c: pipes ---- */

/* Counts the places of an attempt's inputs and outputs and makes room. -ENOMEM. */
FO_MUST_CHECK int ex_channels_init(struct ex_attempt *attempt);
/* Makes the pipes between an attempt and those of its consumers that are STARTING with it. -errno.
 */
FO_MUST_CHECK int ex_channels_make(struct ex_attempt *attempt);
/* Closes the ends that were not handed over. */
void ex_channels_done(struct ex_attempt *attempt);

/* ---- partitions.c: blocking edges ---- */

FO_MUST_CHECK int ex_partitions_init(struct ex_engine_job *job);
void ex_partitions_done(struct ex_engine_job *job);
/* Makes the folders that an attempt writes to, not to be seen by others yet. -errno. */
FO_MUST_CHECK int ex_partitions_prepare(struct ex_attempt *attempt);
/* Shows them, each at once and whole. -errno: one of them has gone. */
FO_MUST_CHECK int ex_partitions_publish(struct ex_attempt *attempt);
/* Removes what an attempt has not published. */
void ex_partitions_drop(const struct ex_attempt *attempt);
/* Removes what was published by `task`, whatever the attempt. */
void ex_partitions_withdraw(struct ex_engine_job *job, uint32_t task);
/* Takes back what tasks that are FINISHED have published, unless the machine was started since, and
 * removes what else lies there. */
void ex_partitions_resume(struct ex_engine_job *job, const struct ex_resumed_task *tasks,
                          bool same_boot);
/* Tells the owner of every input that has gone; returns the first, or producer FO_NO_TASK. */
struct fo_partition ex_partitions_check(struct ex_attempt *attempt);
/* The file that `attempt` reads of `producer`, or writes for `consumer`. False: too long. */
bool ex_partition_input_path(const struct ex_attempt *attempt, uint32_t edge, uint32_t producer,
                             char path[static EX_LOCAL_PATH_SIZE]);
bool ex_partition_output_path(const struct ex_attempt *attempt, uint32_t edge, uint32_t consumer,
                              char path[static EX_LOCAL_PATH_SIZE]);

/* ---- launch.c: from an attempt to a command ---- */

/* Asks the spawner; hands over the output and the pipes. -errno, and they are closed. */
FO_MUST_CHECK int ex_attempt_launch(struct ex_attempt *attempt);

/* ---- notify.c: readiness and signs of life ---- */

struct ex_notify;
/* Opens the socket of an attempt. -errno. */
FO_MUST_CHECK int ex_notify_open(struct ex_attempt *attempt, struct ex_notify **ret_notify);
struct ex_notify *ex_notify_close(struct ex_notify *notify); /* NULL allowed; returns NULL */
const char *ex_notify_path(const struct ex_notify *notify);
/* Reads what has come so far. */
void ex_notify_read(struct ex_notify *notify);

/* ---- folders.c ---- */

/* ex_folder_remove() out of the way: renames it at once, removes it in a thread of the loop's, then
 * calls `done` (may be NULL). */
void ex_folder_discard(struct ex_local *engine, const char *path, void (*done)(void *ctx),
                       void *ctx);

#endif
