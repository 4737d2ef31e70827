/* SPDX-License-Identifier: Apache-2.0 */
/* failover/failover.h - embed the failover core: which tasks restart when one fails, and when.
 *
 * The core is a function: (job, event, time, random bits) -> (job, actions), with a next deadline.
 * It never reads a clock, socket or file, starts no thread and keeps no global state. The caller
 * turns what happens outside into events, hands in the time, and carries out the actions.
 *
 *     fo_graph_new(&graph_spec, NULL, &graph, &error);
 *     fo_job_new(&job_config, graph, NULL, &job, &error);
 *     fo_job_step(job, &(struct fo_event){.kind = FO_EVENT_START}, now_ms, 0, &actions);
 *     for (i = 0; i < actions.count; i++) carry_out(&actions.items[i]);
 *
 * Semantics are Apache Flink's (DefaultScheduler); where a rule comes from there, its class is
 * named. Threads: a graph is immutable and may be read by any thread; every other object belongs to
 * one caller at a time. Errors: 0 or a negative errno; on an error outputs and objects are
 * unchanged. Time: milliseconds on a clock that the caller chooses and that should not go back.
 * Tasks: a task (Flink: subtask, execution vertex) is a number from 0; the tasks of a vertex are
 * consecutive, in the order of the vertices. */
#ifndef FAILOVER_FAILOVER_H
#define FAILOVER_FAILOVER_H

#include <stdbool.h>

#include "failover/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "No task" (a global failure) and "no time" (never). */
#define FO_NO_TASK UINT32_MAX
#define FO_NEVER INT64_MAX

/* Limits of one graph; a spec beyond them is refused with -E2BIG. */
#define FO_VERTICES_MAX 65536u
#define FO_PARALLELISM_MAX 4194304u /* tasks of one vertex */
#define FO_TASKS_MAX 16777216u      /* tasks of a graph */
#define FO_EDGES_MAX 1048576u
#define FO_EDGE_ENDS_MAX 268435456u /* tasks at both ends of an edge, summed over the edges */
#define FO_ID_MAX 255u              /* bytes of a vertex id */

/* Where memory comes from. `resize` behaves as realloc(); size 0 frees and returns NULL. NULL
 * instead of an allocator means realloc() and free(). The struct is copied; `ctx` must outlive the
 * object. */
struct fo_allocator {
    void *(*resize)(void *ctx, void *memory, size_t size);
    void *ctx;
};

/* ---- graph ------------------------------------------------------------------------------- */

/* ResultPartitionType; the comment says: one region with its consumer? can be read again? */
enum fo_exchange {
    FO_PIPELINED,             /* yes, no */
    FO_PIPELINED_BOUNDED,     /* yes, no */
    FO_PIPELINED_APPROXIMATE, /* no, no, but counts as available */
    FO_BLOCKING,              /* no, yes */
    FO_BLOCKING_PERSISTENT,   /* no, yes */
    FO_HYBRID_FULL,           /* no, yes */
    FO_HYBRID_SELECTIVE,      /* no, never */
};

/* DistributionPattern. Pointwise wiring: EdgeManagerBuildUtil. */
enum fo_pattern { FO_ALL_TO_ALL, FO_POINTWISE };

struct fo_vertex_spec {
    struct fo_str id; /* unique, not empty, at most FO_ID_MAX bytes */
    uint32_t parallelism;
};

struct fo_edge_spec {
    uint32_t from; /* index into vertices */
    uint32_t to;
    enum fo_exchange exchange;
    enum fo_pattern pattern;
    uint32_t result; /* edges of one `from` with the same non-zero number read the same partitions
                        (one IntermediateDataSet); 0: the edge has partitions of its own */
};

struct fo_graph_spec {
    const struct fo_vertex_spec *vertices; /* any order; the edges must not form a cycle */
    uint32_t vertex_count;
    const struct fo_edge_spec *edges;
    uint32_t edge_count;
};

struct fo_graph;

/* Builds the graph and its regions (PipelinedRegionComputeUtil; DefaultExecutionTopology's shortcut
 * for large graphs). Everything is copied. Linear in tasks, whatever the pattern of the edges.
 * -EINVAL: empty graph, bad index, parallelism 0, duplicate id. -ELOOP: a cycle of edges.
 * -E2BIG: over a limit above. -ENOMEM. `reterr` may be NULL; it names the vertex or edge. */
FO_API FO_MUST_CHECK int fo_graph_new(const struct fo_graph_spec *spec,
                                      const struct fo_allocator *allocator,
                                      struct fo_graph **ret_graph, struct fo_error *reterr);

/* Graphs are counted: ref makes a further owner and returns the graph, unref ends one and returns
 * NULL. Both allow NULL. [any] */
FO_API struct fo_graph *fo_graph_ref(struct fo_graph *graph);
FO_API struct fo_graph *fo_graph_unref(struct fo_graph *graph);

FO_API uint32_t fo_graph_vertex_count(const struct fo_graph *graph);
FO_API uint32_t fo_graph_edge_count(const struct fo_graph *graph);
FO_API uint32_t fo_graph_task_count(const struct fo_graph *graph);
FO_API uint32_t fo_graph_region_count(const struct fo_graph *graph);

/* Facts by index; the index must be below the count. Borrowed texts live as long as the graph. */
FO_API struct fo_str fo_graph_vertex_id(const struct fo_graph *graph, uint32_t vertex);
FO_API uint32_t fo_graph_vertex_parallelism(const struct fo_graph *graph, uint32_t vertex);
FO_API uint32_t fo_graph_vertex_first_task(const struct fo_graph *graph, uint32_t vertex);
FO_API struct fo_edge_spec fo_graph_edge(const struct fo_graph *graph, uint32_t edge);

/* FO_NO_TASK as `vertex` when the id is unknown. */
FO_API uint32_t fo_graph_find_vertex(const struct fo_graph *graph, struct fo_str id);
FO_API uint32_t fo_graph_task_vertex(const struct fo_graph *graph, uint32_t task);
FO_API uint32_t fo_graph_task_subtask(const struct fo_graph *graph, uint32_t task);
FO_API uint32_t fo_graph_task_region(const struct fo_graph *graph, uint32_t task);

/* The vertices in topological order: `position` 0 .. vertex_count - 1 to vertex. */
FO_API uint32_t fo_graph_topological(const struct fo_graph *graph, uint32_t position);

/* The edges into or out of a vertex, in the order of the spec: a borrowed array of edge indices. */
struct fo_edge_list {
    const uint32_t *edges;
    uint32_t count;
};
FO_API struct fo_edge_list fo_graph_inputs(const struct fo_graph *graph, uint32_t vertex);
FO_API struct fo_edge_list fo_graph_outputs(const struct fo_graph *graph, uint32_t vertex);

/* The tasks at the other end of an edge of a task: always consecutive. */
struct fo_task_range {
    uint32_t first; /* task */
    uint32_t count;
};
FO_API struct fo_task_range fo_graph_producers(const struct fo_graph *graph, uint32_t edge,
                                               uint32_t consumer_task);
FO_API struct fo_task_range fo_graph_consumers(const struct fo_graph *graph, uint32_t edge,
                                               uint32_t producer_task);

/* The tasks of a region, ascending; borrowed, as long as the graph lives. */
struct fo_task_list {
    const uint32_t *tasks;
    uint32_t count;
};
FO_API struct fo_task_list fo_graph_region_tasks(const struct fo_graph *graph, uint32_t region);

/* Channels (pairs of producer and consumer) of an edge. */
FO_API uint64_t fo_graph_edge_channels(const struct fo_graph *graph, uint32_t edge);

/* ---- restart strategies ------------------------------------------------------------------ */

enum fo_strategy_kind {
    FO_STRATEGY_NONE,
    FO_STRATEGY_FIXED_DELAY,
    FO_STRATEGY_FAILURE_RATE,
    FO_STRATEGY_EXPONENTIAL_DELAY,
};

#define FO_ATTEMPTS_UNLIMITED INT32_MAX

/* The settings of a strategy; only the member that `kind` names is read. All times in ms. */
struct fo_strategy_config {
    enum fo_strategy_kind kind;
    union {
        struct {
            int32_t attempts; /* >= 0 */
            int64_t delay_ms; /* >= 0 */
        } fixed_delay;
        struct {
            int32_t max_failures_per_interval; /* > 0 */
            int64_t interval_ms;               /* > 0 */
            int64_t delay_ms;                  /* >= 0 */
        } failure_rate;
        struct {
            int64_t initial_backoff_ms;            /* >= 1 */
            int64_t max_backoff_ms;                /* >= initial */
            double backoff_multiplier;             /* > 1 */
            int64_t reset_backoff_threshold_ms;    /* >= 1 */
            double jitter_factor;                  /* 0 .. 1 */
            int32_t attempts_before_reset_backoff; /* >= 1 */
        } exponential_delay;
    };
};

/* 0, or -EINVAL with the setting and its bound in `reterr` (may be NULL). */
FO_API FO_MUST_CHECK int fo_strategy_check(const struct fo_strategy_config *config,
                                           struct fo_error *reterr);

/* What is left before the strategy refuses, as data for people and gauges. */
struct fo_budget {
    bool limited;         /* false: never refuses; remaining and limit are 0 */
    int64_t limit;        /* restarts, or failures per window */
    int64_t remaining;    /* >= 0; failures from now on that would still be answered by a restart */
    int64_t resets_at_ms; /* when `remaining` next rises if nothing fails; FO_NEVER */
    int64_t
        next_backoff_ms; /* the delay that a failure now would get, without jitter; -1 = refused */
};

/* A strategy by itself (RestartBackoffTimeStrategy), for embedders that need no job. */
struct fo_strategy;
FO_API FO_MUST_CHECK int fo_strategy_new(const struct fo_strategy_config *config,
                                         const struct fo_allocator *allocator,
                                         struct fo_strategy **ret_strategy);
FO_API struct fo_strategy *fo_strategy_free(struct fo_strategy *strategy); /* returns NULL */

/* Told once per failure; true if it opens a new attempt. `random` feeds the jitter: 64 even bits.
 * Without memory for its time, a failure-rate strategy forgets the oldest failure in the window. */
FO_API bool fo_strategy_notify_failure(struct fo_strategy *strategy, int64_t now_ms,
                                       uint64_t random);
FO_API bool fo_strategy_can_restart(const struct fo_strategy *strategy, int64_t now_ms);
/* -EINVAL: exponential-delay that was never told of a failure. */
FO_API FO_MUST_CHECK int fo_strategy_backoff_ms(const struct fo_strategy *strategy, int64_t now_ms,
                                                int64_t *ret_backoff_ms);
FO_API struct fo_budget fo_strategy_budget(const struct fo_strategy *strategy, int64_t now_ms);

/* Flink's text form, e.g. "FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts=3,...)";
 * terminated, cut at `size`. Returns the length it would have, as snprintf(). */
FO_API size_t fo_strategy_describe(const struct fo_strategy *strategy, char *text, size_t size);

/* ---- failover strategies ----------------------------------------------------------------- */

enum fo_failover_kind {
    FO_FAILOVER_REGION, /* RestartPipelinedRegionFailoverStrategy */
    FO_FAILOVER_FULL,   /* RestartAllFailoverStrategy */
};

/* The partition of `edge` that `producer` writes (shared by all edges of its result). */
struct fo_partition {
    uint32_t producer; /* task; FO_NO_TASK = no partition */
    uint32_t edge;
};

/* ---- policies ---------------------------------------------------------------------------- */

/* One key of a policy's match: the label must have one of the values. */
struct fo_match {
    struct fo_str key;
    const struct fo_str *values;
    uint32_t value_count;
};

enum fo_policy_action {
    FO_POLICY_STRATEGY, /* decide by the policy's own restart strategy, with its own state */
    FO_POLICY_RESTART,  /* restart after `delay_ms` */
    FO_POLICY_FAIL,     /* the job ends */
};

/* What to do with failures of certain labels; asked before the job's own restart strategy, which is
 * then not told, except for FO_POLICY_RESTART with `charge`. A non-recoverable cause ends the job
 * whatever the policies say. */
struct fo_policy {
    const struct fo_match *matches; /* all must hold; none = every failure */
    uint32_t match_count;
    enum fo_policy_action action;
    bool charge; /* FO_POLICY_RESTART: tell and ask the job's strategy as well; it may refuse */
    int64_t delay_ms; /* FO_POLICY_RESTART: -1 = the job strategy's delay if charged, else 0 */
    struct fo_strategy_config strategy; /* FO_POLICY_STRATEGY */
};

/* ---- job --------------------------------------------------------------------------------- */

/* JobStatus, in Flink's order. */
enum fo_job_state {
    FO_JOB_INITIALIZING,
    FO_JOB_CREATED,
    FO_JOB_RUNNING,
    FO_JOB_FAILING,
    FO_JOB_FAILED,
    FO_JOB_CANCELLING,
    FO_JOB_CANCELED,
    FO_JOB_FINISHED,
    FO_JOB_RESTARTING,
    FO_JOB_SUSPENDED,
    FO_JOB_RECONCILING,
};
#define FO_JOB_STATE_COUNT 11

/* ExecutionState, in Flink's order. */
enum fo_task_state {
    FO_TASK_CREATED,
    FO_TASK_SCHEDULED,
    FO_TASK_DEPLOYING,
    FO_TASK_RUNNING,
    FO_TASK_FINISHED,
    FO_TASK_CANCELING,
    FO_TASK_CANCELED,
    FO_TASK_FAILED,
    FO_TASK_RECONCILING,
    FO_TASK_INITIALIZING,
};
#define FO_TASK_STATE_COUNT 10

/* Flink's names, upper case; static texts. "?" for a number out of range. [any] */
FO_API const char *fo_job_state_name(enum fo_job_state state);
FO_API const char *fo_task_state_name(enum fo_task_state state);
/* Whether the state is ended for good (SUSPENDED is not: it ended on this master only). [any] */
FO_API bool fo_job_state_is_terminal(enum fo_job_state state);
FO_API bool fo_task_state_is_terminal(enum fo_task_state state);
/* -EINVAL: no such name. [any] */
FO_API FO_MUST_CHECK int fo_task_state_parse(struct fo_str name, enum fo_task_state *ret_state);

/* Answers for an embedder who brings strategies of its own; every function is given `ctx`. A NULL
 * function means the built-in one. */
struct fo_strategy_hooks {
    /* Writes the tasks to restart, ascending, to `tasks` (room for all) and returns their count. */
    uint32_t (*tasks_to_restart)(void *ctx, uint32_t failed_task, uint32_t *tasks);
    bool (*notify_failure)(void *ctx, int64_t now_ms); /* true = a new attempt */
    bool (*can_restart)(void *ctx, int64_t now_ms);
    int64_t (*backoff_ms)(void *ctx, int64_t now_ms);
    void *ctx;
};

struct fo_job_config {
    struct fo_strategy_config restart_strategy;
    enum fo_failover_kind failover_strategy;
    const struct fo_policy *policies; /* copied with all they point to */
    uint32_t policy_count;
    uint32_t history_size;                 /* web.exception-history-size; root entries kept */
    const struct fo_strategy_hooks *hooks; /* NULL, or copied */
};

struct fo_job;

/* Makes a job in state INITIALIZING, then CREATED, with all tasks CREATED; takes a reference to the
 * graph. -EINVAL: a setting out of range. -ENOMEM. */
FO_API FO_MUST_CHECK int fo_job_new(const struct fo_job_config *config, struct fo_graph *graph,
                                    const struct fo_allocator *allocator, int64_t now_ms,
                                    struct fo_job **ret_job, struct fo_error *reterr);
FO_API struct fo_job *fo_job_free(struct fo_job *job); /* NULL allowed; returns NULL */

/* Why a task (or the whole job) failed, as far as decisions care. */
struct fo_cause {
    uint64_t failure_id;           /* the caller's number of this failure; kept in the history */
    bool non_recoverable;          /* ThrowableClassifier: a NonRecoverableError in the chain */
    struct fo_partition lost;      /* the partition that the first partition error names */
    const struct fo_label *labels; /* for the policies; borrowed for the call */
    uint32_t label_count;
};

enum fo_event_kind {
    FO_EVENT_START,          /* CREATED -> RUNNING, deploys what is ready */
    FO_EVENT_TASK_STATE,     /* an engine's report: task, attempt, state; cause when it is a failure
                                (fo_job_is_failure()). RUNNING may be reported without INITIALIZING */
    FO_EVENT_GLOBAL_FAILURE, /* cause */
    FO_EVENT_PARTITION_LOST, /* `partition` is no longer held (JobMasterPartitionTracker) */
    FO_EVENT_TIME,           /* nothing but time has passed; restarts that are due happen */
    FO_EVENT_CANCEL,         /* by a user */
    FO_EVENT_SUSPEND,        /* shutdown: tasks are cancelled, nobody is charged, job SUSPENDED */
    FO_EVENT_RESTART,        /* by hand, uncharged: `task` and what its failure would restart, or
                                FO_NO_TASK for all */
    FO_EVENT_PAUSE,          /* restarts that come due are held */
    FO_EVENT_RESUME,         /* and go on; those overdue at once */
};

struct fo_event {
    enum fo_event_kind kind;
    uint32_t task;
    uint32_t attempt;
    enum fo_task_state state;
    struct fo_cause cause;
    struct fo_partition partition;
};

enum fo_action_kind {
    FO_ACTION_TASK_STATE, /* task, attempt, task_from, task_to: it has changed. To CREATED: a new
                             attempt begins, and `attempt` is its number */
    FO_ACTION_JOB_STATE,  /* job_from, job_to */
    FO_ACTION_DEPLOY,     /* start `attempt` of `task` now. Comes after the task's SCHEDULED and
                             DEPLOYING; regions in topological order */
    FO_ACTION_CANCEL,     /* stop `attempt` of `task`; report CANCELED (or how it ended) */
    FO_ACTION_WITHDRAW,   /* what `attempt` of `task`, FINISHED, has published is void: forget it.
                             Comes when its restart is carried out, before the new attempt */
    FO_ACTION_DECISION,   /* a failure was decided; see decision */
    FO_ACTION_RECOVERED,  /* every task restarted since incident.began_ms runs again */
};

/* Why a job gave up. */
enum fo_exhausted_reason {
    FO_EXHAUSTED_NOT,
    FO_EXHAUSTED_BUDGET,
    FO_EXHAUSTED_NON_RECOVERABLE,
    FO_EXHAUSTED_POLICY,
};

struct fo_decision {
    uint64_t id; /* 0, 1, 2 ... of the job's restart decisions; of a refusal: the next number */
    uint64_t failure_id;    /* that led to it */
    uint64_t incident;      /* 1, 2, ...: goes on until RECOVERED or the end of the job */
    int64_t delay_ms;       /* until the restart */
    int64_t due_ms;         /* at_ms + delay_ms */
    uint32_t restart_count; /* tasks that restart; fo_job_decision_tasks() lists them */
    int32_t policy;         /* index of the policy that decided, -1 = none */
    bool restart;           /* false: the job ends */
    bool new_attempt;       /* false: merged into the attempt that is waiting */
    bool manual;            /* FO_EVENT_RESTART; no failure */
    enum fo_exhausted_reason exhausted; /* when not restart; FO_EXHAUSTED_BUDGET also of a policy's
                                           own strategy */
};

struct fo_action {
    enum fo_action_kind kind;
    uint32_t task; /* FO_NO_TASK where none */
    uint32_t attempt;
    union {
        enum fo_task_state task_from;
        enum fo_job_state job_from;
    };
    union {
        enum fo_task_state task_to;
        enum fo_job_state job_to;
    };
    union {
        struct fo_decision decision;
        struct {
            uint64_t id;
            int64_t began_ms;
            int64_t ended_ms;
        } incident; /* FO_ACTION_RECOVERED */
    };
};

/* What the caller must now do, in order. Zeroed before first use; reused by emptying (count = 0);
 * its memory is the job's allocator's: end with fo_actions_done(). */
struct fo_actions {
    struct fo_action *items;
    size_t count;
    size_t capacity;
};
FO_API void fo_actions_done(struct fo_actions *actions, const struct fo_allocator *allocator);

/* Feeds one event at `now_ms`; appends to `out`. Due restarts happen first, whatever the event.
 * 0; -ESTALE: the attempt is not the task's current one, or has ended (answer "false" to the
 * reporter); -ENOENT: unknown task or partition; -EINVAL: not a legal report or event (an illegal
 * state is the caller's bug or a hostile reporter's); -EALREADY: the job has ended; -ENOMEM. On any
 * error neither job nor `out` has changed. `random`: 64 even bits for the jitter.
 * Linear in the tasks that change. When memory is short for nothing but the actions of regions that
 * could be deployed, these wait, and fo_next_deadline() is due. */
FO_API FO_MUST_CHECK int fo_job_step(struct fo_job *job, const struct fo_event *event,
                                     int64_t now_ms, uint64_t random, struct fo_actions *out);

/* ---- mirroring -----------------------------------------------------------------------------
 * A job that somebody else decides about (a Flink cluster) is mirrored: it is told what has
 * happened and decides nothing, asks for nothing. Everything that can be read of a job can be read
 * of it; its budget, and the tasks that a decision names, are what the rules say, not what the
 * other has said.
 */

/* What the master of a job says. Times are the master's. */
struct fo_mirror {
    enum fo_job_state state;
    int64_t since_ms[FO_JOB_STATE_COUNT]; /* 0 = never */
    const uint32_t *task_counts; /* vertex x FO_TASK_STATE_COUNT, each vertex's parallelism in all;
                                    NULL = as before. Which task is in which state is nobody's
                                    promise: as few as can be are moved */
    uint64_t restarts;           /* numRestarts of the whole life of the job; never sinks here */
    int64_t changed_ms;          /* when the newest of the tasks came into its state */
};

/* A failure that the master has already answered. */
struct fo_mirror_failure {
    uint32_t task;    /* FO_NO_TASK = global */
    uint32_t attempt; /* of it */
    uint64_t failure_id;
    int64_t at_ms;
    enum fo_exhausted_reason exhausted; /* FO_EXHAUSTED_NOT: it was answered by a restart */
};

/* Brings a job up to date: FO_ACTION_TASK_STATE, FO_ACTION_JOB_STATE and, once every task runs
 * again after the last failure, FO_ACTION_RECOVERED. From the first call on the job is a mirror,
 * for which fo_job_step() knows nothing but FO_EVENT_TIME (any other: -EINVAL). An ended job may
 * live again: its master may have found it. 0; -EINVAL: a state out of range, counts that do not
 * fit, a job that was started here; -ENOMEM. On an error nothing has changed. Linear in the tasks
 * of the vertices that change. */
FO_API FO_MUST_CHECK int fo_job_mirror(struct fo_job *job, const struct fo_mirror *mirror,
                                       int64_t now_ms, struct fo_actions *out);

/* Adds a failure to history, incident and budget: one FO_ACTION_DECISION, whose delay is not known
 * (0) and whose tasks are those that the job's failover strategy restarts. They have a new attempt
 * from now on. Errors as fo_job_mirror(); -ENOENT: no such task. `random` as fo_job_step(). */
FO_API FO_MUST_CHECK int fo_job_mirror_failure(struct fo_job *job,
                                               const struct fo_mirror_failure *failure,
                                               int64_t now_ms, uint64_t random,
                                               struct fo_actions *out);

/* Whether fo_job_step() would handle this event as a failure, of a task or of everything: number
 * and store it first. A task that was asked to end does not fail any more, nor does anything in a
 * job that ends; FINISHED of an attempt that was never deployed is a failure. */
FO_API bool fo_job_is_failure(const struct fo_job *job, const struct fo_event *event);

/* When the job next changes by itself: a restart comes due, or the budget changes because time has
 * passed. FO_NEVER. Feed FO_EVENT_TIME then. */
FO_API int64_t fo_next_deadline(const struct fo_job *job);

/* ---- reading a job ----------------------------------------------------------------------- */

FO_API struct fo_graph *fo_job_graph(const struct fo_job *job); /* borrowed */
FO_API enum fo_job_state fo_job_state(const struct fo_job *job);
FO_API int64_t fo_job_state_since_ms(const struct fo_job *job,
                                     enum fo_job_state state); /* 0=never */
FO_API bool fo_job_is_paused(const struct fo_job *job);
FO_API enum fo_task_state fo_job_task_state(const struct fo_job *job, uint32_t task);
FO_API uint32_t fo_job_task_attempt(const struct fo_job *job, uint32_t task);
FO_API uint32_t fo_job_task_count(const struct fo_job *job, enum fo_task_state state); /* O(1) */
FO_API uint32_t fo_job_vertex_task_count(const struct fo_job *job, uint32_t vertex,
                                         enum fo_task_state state); /* O(1) */
/* Flink's aggregate of a vertex (ExecutionJobVertex): the first of FAILED, CANCELING, CANCELED,
 * INITIALIZING, RUNNING that a task is in; else FINISHED if all are; else RUNNING or CREATED. */
FO_API enum fo_task_state fo_job_vertex_state(const struct fo_job *job, uint32_t vertex);
FO_API uint64_t fo_job_restarts(const struct fo_job *job);        /* Flink's numRestarts */
FO_API uint64_t fo_job_restarted_tasks(const struct fo_job *job); /* attempts made by restarts */
FO_API struct fo_budget fo_job_budget(const struct fo_job *job, int64_t now_ms);
FO_API int64_t fo_job_next_restart_ms(const struct fo_job *job); /* earliest pending; FO_NEVER */
FO_API size_t fo_job_strategy_describe(const struct fo_job *job, char *text, size_t size);

/* The tasks of the decision made last, ascending; borrowed until the next step. */
FO_API struct fo_task_list fo_job_decision_tasks(const struct fo_job *job);

/* What a failure of `task` now would restart, nothing changed. `tasks` has room for all tasks of
 * the graph. Returns the count. FO_NO_TASK: a global failure. */
FO_API uint32_t fo_job_tasks_to_restart(struct fo_job *job, uint32_t task, struct fo_partition lost,
                                        uint32_t *tasks);

/* Exception history (RootExceptionHistoryEntry), newest last. */
struct fo_history_entry {
    uint64_t failure_id;
    int64_t at_ms;
    uint32_t task;    /* FO_NO_TASK = global */
    uint32_t attempt; /* of that task */
    uint32_t concurrent_count;
};
FO_API uint32_t fo_job_history_count(const struct fo_job *job);
/* `index` 0 = oldest kept; `concurrent` 0 .. concurrent_count - 1. */
FO_API struct fo_history_entry fo_job_history(const struct fo_job *job, uint32_t index);
FO_API struct fo_history_entry fo_job_history_concurrent(const struct fo_job *job, uint32_t index,
                                                         uint32_t concurrent);

/* ---- keeping a job ----------------------------------------------------------------------- */

/* Takes the next bytes; 0, or a negative errno that ends the writing. */
typedef int (*fo_write)(void *ctx, const void *bytes, size_t size);

/* Writes the state of a job: tasks, attempts, strategies, restarts that wait, history, counters; in
 * a format of its own with a version, the same on every machine. Graph and settings are not in it.
 * 0, or what `write` answered. */
FO_API FO_MUST_CHECK int fo_job_save(const struct fo_job *job, fo_write write, void *ctx);

/* The same in parts, so that after a step only what may have changed need be written: the bytes of
 * head, tasks (in ranges, ascending, that leave none out) and tail, one after the other, may be
 * restored. Each step may change head and tail, and the tasks that its actions and
 * fo_job_decision_tasks() name. */
FO_API FO_MUST_CHECK int fo_job_save_head(const struct fo_job *job, fo_write write, void *ctx);
FO_API FO_MUST_CHECK int fo_job_save_tasks(const struct fo_job *job, struct fo_task_range tasks,
                                           fo_write write, void *ctx);
FO_API FO_MUST_CHECK int fo_job_save_tail(const struct fo_job *job, fo_write write, void *ctx);

/* Makes the job again at `now_ms`, on the graph and with the settings that it had. Nobody is
 * charged:
 * - What ran when it was saved has ended. It is CANCELED, and restarts at once, with all that must
 *   restart with it. Restarts that waited are due when they were; if the clock was set back, no
 *   later than the rest of their delay from now.
 * - A SUSPENDED job goes on where it was; an ended one stays ended.
 * - A strategy of another kind than before begins anew.
 * fo_next_deadline() is due: feed FO_EVENT_TIME (a job in state CREATED: FO_EVENT_START).
 * -EINVAL: not what fo_job_save() writes, or of another graph, or a setting out of range. -ENOMEM.
 */
FO_API FO_MUST_CHECK int fo_job_restore(const struct fo_job_config *config, struct fo_graph *graph,
                                        const struct fo_allocator *allocator, int64_t now_ms,
                                        struct fo_str saved, struct fo_job **ret_job);

/* The same for tasks that live on without us: they are in the states that they were in. Only what a
 * SUSPENDED job has stopped restarts. */
FO_API FO_MUST_CHECK int fo_job_restore_running(const struct fo_job_config *config,
                                                struct fo_graph *graph,
                                                const struct fo_allocator *allocator,
                                                int64_t now_ms, struct fo_str saved,
                                                struct fo_job **ret_job);

#ifdef __cplusplus
}
#endif

#endif
