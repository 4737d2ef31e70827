/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/engine.h - what the job manager and an engine know of each other.
 * An engine is a table of functions plus the reports it sends. Everything here happens on the job
 * manager's thread [main]; an engine with threads of its own hops over before it reports.
 * The manager queues what an engine says and handles it later, from the loop: so a report may come
 * from inside deploy() and cancel(), and nothing is called from inside a report. */
#ifndef EX_ENGINES_ENGINE_H
#define EX_ENGINES_ENGINE_H

#include <stdbool.h>
#include <string.h>

#include "exporter/config/config.h"
#include "exporter/config/job_spec.h"

#define EX_JOB_ID_LEN 32 /* lower-case hex digits */

/* Memory kills are proven or unproven, never guessed. */
enum ex_proof { EX_PROOF_UNSUPPORTED, EX_PROOF_NO, EX_PROOF_YES };

/* A link of an exception chain, outermost first. */
struct ex_exception {
    struct fo_str class_name; /* full name; may be empty */
    struct fo_str message;
};

/* All that is known about the end of an attempt. Texts are borrowed for the call. */
struct ex_evidence {
    int exit_code; /* -1 = did not exit by itself */
    int signal;    /* 0 = none */
    bool core_dumped;
    bool deadline_exceeded;        /* `timeout` ran out */
    bool heartbeat_missed;         /* the watchdog, or a silent scheduler */
    bool secondary;                /* a consequence of a neighbour's failure */
    enum ex_proof cgroup_oom_kill; /* memory.events or memory.oom_control counted a kill */
    struct fo_str message;     /* one line for people, e.g. "exit status 3", "cannot start: ..." */
    struct fo_str output_head; /* the first 64 KiB of its output */
    struct fo_str output_tail; /* the last 256 KiB; empty when the head holds all */
    struct fo_str runtime;
    struct fo_str platform_reason;
    const struct ex_exception *exceptions;
    uint32_t exception_count;
    bool non_recoverable;
    struct fo_partition lost; /* partition error; producer FO_NO_TASK = none */
    int64_t pid;              /* 0 = unknown */
    struct fo_str log_path;   /* where the whole output is; empty = nowhere */
};

/* A task attempt has reached `state`. `evidence` is set for FAILED, NULL otherwise. */
struct ex_report {
    uint32_t task;
    uint32_t attempt;
    enum fo_task_state state;
    const struct ex_evidence *evidence;
    uint64_t sequence; /* orders the reports of an attempt; kept with the task; 0 = none */
    void *token; /* NULL, or who waits for the answer: ex_engine_ops.answered is called for it */
};

/* What became of a report. Borrowed for the call. */
struct ex_answer {
    int error;           /* 0: accepted and durable; else what fo_job_step() says, or -ESHUTDOWN */
    uint64_t failure_id; /* 0: it was no failure */
    const struct fo_decision *decision; /* NULL: nothing was decided */
    struct fo_task_list restart;        /* the tasks that the decision restarts */
};

/* One job of one engine: made by open_job, ended by close_job. */
struct ex_engine_job;

/* What an engine may ask of its owner. The functions are called with `owner` of open_job. */
struct ex_engine_sink {
    void (*report)(void *owner, const struct ex_report *report);
    void (*partition_lost)(void *owner, struct fo_partition partition);
    /* All tasks of the job have ended and its resources are gone, after close_job. */
    void (*job_closed)(void *owner);
};

struct ex_task_attempt {
    uint32_t task;
    uint32_t attempt;
};

/* A task of a job that an earlier daemon has run. */
struct ex_resumed_task {
    uint32_t attempt;
    enum fo_task_state state;
    uint64_t sequence;        /* the highest that was reported of the attempt; 0 = none */
    uint64_t former_sequence; /* of the attempt before */
    /* What was decided about the newest failure of the task, if that is still known; borrowed. */
    const struct fo_decision *decision; /* NULL = not */
    uint32_t decision_attempt;          /* the attempt that failed */
    const struct fo_task_range *restarted;
    uint32_t restarted_count;
};

struct ex_engine_ops {
    const char *kind;
    /* Tasks run on when the daemon dies. If not, those that ran have ended when it starts again. */
    bool tasks_live_on;
    /* Its jobs are decided about elsewhere: it makes them itself, by exporter/manager/mirror.h. Of
     * the functions below it has open_job, which refuses, close_job and close. */
    bool mirrors;
    /* 0, or a negative errno with `reterr`; `spec` and `job_id` stay alive until job_closed. */
    int (*open_job)(void *engine, const char *job_id, const struct ex_job_spec *spec, void *owner,
                    struct ex_engine_job **ret_job, struct fo_error *reterr);
    /* Starts the attempts; those that cannot be started are reported FAILED. All attempts of one
     * call are wired together (pipes), in any order. */
    void (*deploy)(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                   uint32_t count);
    /* Stops the attempts: TERM, stop-timeout, KILL; each is reported CANCELED when all that
     * descends from it is gone. An attempt that has ended by itself meanwhile may be reported as it
     * ended. */
    void (*cancel)(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                   uint32_t count);
    /* What these attempts have published is void. */
    void (*withdraw)(struct ex_engine_job *job, const struct ex_task_attempt *attempts,
                     uint32_t count);
    /* A report with a token is through: once for each, also after close_job. NULL in an engine that
     * gives no tokens. */
    void (*answered)(void *token, const struct ex_answer *answer);
    /* Where the output of an attempt is kept, whether there is any or not: a file, behind which
     * <path>.1 and <path>.2 hold newer pieces; the path is the caller's to free. Also for jobs that
     * were closed. 0 or -ENOMEM. NULL in an engine that keeps none. */
    int (*log_path)(void *engine, const char *job_id, const struct fo_graph *graph,
                    const struct ex_task_attempt *attempt, char **ret_path);
    /* Makes the specification of a job of an earlier daemon again, of its `source`. NULL: that is a
     * job file. 0, or a negative errno with `reterr`. */
    int (*read_spec)(void *engine, struct fo_str source, struct ex_job_spec **ret_spec,
                     struct fo_error *reterr);
    /* A job of an earlier daemon goes on: called once, after open_job and before anything else,
     * with all its tasks by number. `same_boot`: the machine has not been started since. NULL:
     * nothing of an earlier daemon is of use. */
    void (*resume)(struct ex_engine_job *job, const struct ex_resumed_task *tasks, bool same_boot);
    /* close_job follows, yet the job will be resumed by a later daemon. NULL: no difference. */
    void (*suspend)(struct ex_engine_job *job);
    /* No further calls for `job`; what still runs is killed; ends with job_closed. */
    void (*close_job)(struct ex_engine_job *job);
    /* Ends the engine; every job was closed before. */
    void (*close)(void *engine);
};

struct ex_engine {
    const struct ex_engine_ops *ops;
    void *self;
    const char *name; /* configured; default: the kind */
};

/* The engines of a daemon, in the order in which they were started. */
struct ex_engines {
    struct ex_engine items[EX_ENGINES_MAX];
    size_t count;
};

/* By name; NULL: none of that name runs here. */
static inline const struct ex_engine *ex_engines_find(const struct ex_engines *engines,
                                                      const char *name) {
    for (size_t i = 0; i < engines->count; i++) {
        if (strcmp(engines->items[i].name, name) == 0)
            return &engines->items[i];
    }
    return NULL;
}

#endif
