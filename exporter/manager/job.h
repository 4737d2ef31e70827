/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/job.h - one job inside the job manager. Private to this room. */
#ifndef EX_MANAGER_JOB_H
#define EX_MANAGER_JOB_H

#include <sys/queue.h>

#include "exporter/base/buffer.h"
#include "exporter/base/name_table.h"
#include "exporter/manager/by_hand.h"
#include "exporter/manager/deliveries.h"
#include "exporter/manager/failure_metrics.h"
#include "exporter/manager/job_log.h"
#include "exporter/manager/job_metrics.h"
#include "exporter/manager/ledger.h"
#include "exporter/manager/manager.h"
#include "exporter/manager/mirror.h"
#include "exporter/manager/persist.h"
#include "exporter/manager/verdict_memo.h"
#include "listeners/catalogue/catalogue.h"
#include "listeners/counting/counting.h"

enum { EX_JOB_FAILURES_KEPT_MAX = 1024 };

/* The highest numbers that were reported of a task. */
struct ex_sequences {
    uint64_t current; /* of its attempt; 0 = none */
    uint64_t former;  /* of the one before */
};

/* When the current attempt of a task came where it is. */
struct ex_task_times {
    int64_t since_ms;
    int64_t deploying_ms; /* 0 = not yet deployed */
};

struct ex_job {
    TAILQ_ENTRY(ex_job) link;
    struct ex_name_node id_node; /* in the manager's tables */
    struct ex_name_node name_node;
    struct ex_manager *manager;
    const struct ex_engine *engine;
    struct ex_engine_job *engine_job; /* NULL before open and after close */
    struct ex_job_spec *spec;         /* a reference */
    struct fo_job *core;
    struct ex_job_metrics metrics;
    uv_timer_t timer; /* the core's next deadline; after the end, retention */
    char id[EX_JOB_ID_LEN + 1];
    int64_t submitted_ms;
    int64_t tasks_changed_ms;         /* the newest of `task_times` */
    struct ex_task_times *task_times; /* by task */
    struct ex_sequences *sequences;   /* by task, the highest reported; NULL = none ever was */
    uint64_t number;                  /* in the store; 0 = it is not kept there */
    struct ex_marks marks;
    struct ex_job_tally tally; /* as written down; what is shown follows */
    int64_t ended_ms;          /* wall clock, once closed and ended for good; else 0 */
    struct ex_entry going;     /* that it is removed */
    bool gone;
    struct ex_failure *failures; /* oldest first */
    struct ex_failure *newest_failure;
    uint32_t failures_kept;
    uint64_t failure_count;
    struct ex_by_hand by_hand; /* since this daemon runs */
    struct ex_job_log log;
    struct ex_buffer engine_state; /* what the engine of a mirrored job wants kept with it */
    bool closing;                  /* close_job was called */
    bool closed;
};

/* A step of the core: from its event until what it asks for is carried out. */
struct ex_step {
    struct ex_entry entry;
    STAILQ_ENTRY(ex_step) spare; /* while nobody uses it */
    struct ex_job *job;
    struct ex_failure *failure; /* that the event is about; owned until the job takes it */
    struct fo_actions actions;
    uint32_t *restart; /* the tasks of its decision, if somebody waits for it; owned */
    uint32_t restart_count;
    uint32_t restart_capacity;
    struct ex_job_view view; /* after it */
    int64_t now_ms;
    double seconds; /* that deciding took */
    void *token;    /* of the report that it answers, or NULL */
};

/* Rejections of one batch. */
struct ex_rejections {
    struct ex_entry entry;
    struct ex_manager *manager;
    uint64_t counts[EX_REJECTIONS];
};

/* Something that an engine has said and that waits for its turn. */
struct ex_message {
    STAILQ_ENTRY(ex_message) link;
    struct ex_job *job;
    struct fo_event event;
    struct ex_failure *failure; /* of a FAILED report; taken by whoever handles the message */
    void *token;                /* of the report, */
    uint64_t sequence;          /* and its number */
    bool closed;                /* instead of an event: the engine has closed the job */
};

struct ex_manager {
    uv_loop_t *loop;
    const struct catalogue *catalogue;
    struct catalogue_scratch *scratch;
    struct ex_verdict_memo *memo; /* NULL: no memory for it */
    struct counting *counting;
    struct fo_str *label_keys; /* exported by all listeners; owned, with their texts behind */
    uint32_t label_key_count;
    struct ex_job_families families;
    int64_t counting_since_ms; /* when the store's counters began; 0 = now */
    struct ex_failure_metrics account;
    TAILQ_HEAD(ex_jobs, ex_job) jobs;
    struct ex_name_table by_id;
    struct ex_name_table by_name;
    STAILQ_HEAD(, ex_message) messages;
    STAILQ_HEAD(, ex_message) spare_messages; /* so that their memory is used again */
    uint32_t spare_message_count;
    uv_idle_t drainer; /* runs while messages wait */
    uv_timer_t settle; /* while only listeners are waited for at the end */
    uv_timer_t tick;   /* for figures that change with time alone */
    unsigned handles;  /* of these three, the store's two and that of deliveries, open */
    struct ex_bank *bank;
    uint32_t pending;        /* failures on their round */
    struct ex_buffer output; /* of the failure that listeners are asked about */
    bool stopping;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    struct ex_ledger ledger;
    struct ex_persist persist;
    struct ex_deliveries deliveries;
    struct ex_rejections *rejections;   /* that have yet to be written; NULL = none */
    STAILQ_HEAD(, ex_step) spare_steps; /* so that their memory is used again */
    struct ex_task_attempt *attempts;   /* a batch for an engine */
    size_t attempts_capacity;
    uint64_t random_state;
    uint64_t next_failure_id;
    int64_t retention_ms;
    ex_observer *observer;
    void *observer_ctx;
    ex_event_tap *tap;
    void *tap_ctx;
};

/* What a job begins with. */
struct ex_job_birth {
    const struct ex_engine *engine;
    struct ex_job_spec *spec;
    struct ex_job *replaced; /* an ended one of the same name, whose place it takes; NULL = none */
    const char *id;          /* NULL = a new one */
    int64_t submitted_ms;
    struct fo_str saved; /* the core's, of an earlier daemon; empty = it begins */
};

/* Makes a job in its core and its metrics; the engine is not told yet. */
FO_MUST_CHECK int ex_job_new(struct ex_manager *manager, const struct ex_job_birth *birth,
                             struct ex_job **ret_job, struct fo_error *reterr);

/* Asks the engine to let go of the job, once. */
void ex_job_close(struct ex_job *job);
/* The same for a job that has not ended. */
void ex_job_let_go(struct ex_job *job);

/* Whether its tasks run on without us, and a later daemon will find it in the store. */
bool ex_job_lives_on(const struct ex_job *job);

/* Takes the job off the list, and ends it once that is stored and its timer closed. */
void ex_job_remove(struct ex_job *job);

/* The same for a job that could not be taken back: in the store it stays. */
void ex_job_forget(struct ex_job *job);

/* Keeps the number of a report that was accepted. 0 or -ENOMEM. */
FO_MUST_CHECK int ex_job_note_sequence(struct ex_job *job, uint32_t task, uint64_t sequence);

/* Shows an ended job for so long. */
void ex_job_retain(struct ex_job *job, int64_t retention_ms);

/* Puts a failure at the end of the job's list. */
void ex_job_keep_failure(struct ex_job *job, struct ex_failure *failure);

/* ---- step.c ---- */

/* What the core is told: one of them. */
struct ex_input {
    const struct fo_event *event;
    const struct fo_mirror *mirror;
    const struct fo_mirror_failure *mirror_failure;
};

/* Steps the core, and carries out what it asks for once that is durable. `failure` (taken, may be
 * NULL) is what the input is about; `token`, if any, is answered. Returns what the core does. */
int ex_job_feed(struct ex_job *job, const struct ex_input *input, struct ex_failure *failure,
                void *token);

/* Tells who waits for the answer of a report, if anybody does. */
void ex_job_answer(const struct ex_job *job, void *token, const struct ex_answer *answer);

void ex_manager_free_steps(struct ex_manager *manager);

/* The engine has let go of the job. */
void ex_job_on_closed(struct ex_job *job);

void ex_job_tell(const struct ex_job *job, enum ex_change_kind kind, const struct fo_action *action,
                 const struct ex_failure *failure);

/* ---- categorise.c ---- */

/* The catalogue's verdict, before the decision; redacts and trims what the failure says. */
void ex_failure_categorise(struct ex_manager *manager, struct ex_failure *failure);

/* ---- listeners.c ---- */

/* The categoriser's verdict is final if there is no listener to be asked. Before it is stored. */
void ex_failure_finish_early(struct ex_job *job, struct ex_failure *failure);

/* Asks the listeners, after the decision. Counts the failure when its labels are final: at once if
 * nobody is to be waited for. Inside the job's metrics bracket. */
void ex_failure_offer(struct ex_job *job, struct ex_failure *failure);

/* Writes the event record of a failure. */
void ex_failure_encode(const struct ex_job *job, const struct ex_failure *failure,
                       struct ex_buffer *out);

/* Ends the rounds of all failures of the job that are not labelled: counts them as they stand. */
void ex_job_settle(struct ex_job *job);

/* The job gave up, or has recovered: tells the listeners. */
void ex_job_tell_exhausted(const struct ex_job *job, const struct ex_failure *failure);
void ex_job_tell_recovered(const struct ex_job *job, uint64_t incident, int64_t duration_ms);
/* The same, written down. */
void ex_job_store_exhausted(const struct ex_job *job, const struct ex_failure *failure);
void ex_job_store_recovered(const struct ex_job *job, uint64_t incident, int64_t duration_ms);

/* ---- manager.c ---- */

/* One of the manager's handles is closed. */
void ex_manager_on_handle_closed(uv_handle_t *handle);

/* ---- sink.c ---- */

/* Lets the loop handle what waits, and look whether the manager's end has come. */
void ex_manager_handle_soon(struct ex_manager *manager);

/* Answers what waits with -ESHUTDOWN, and frees it. */
void ex_manager_drop_messages(struct ex_manager *manager);

/* ---- orders.c ---- */

/* Tells who stops the manager once nothing runs and everything is counted. */
void ex_manager_end_if_quiet(struct ex_manager *manager);

/* A failure has been labelled later than it was decided: the last one may end the manager. */
void ex_manager_on_settled(struct ex_manager *manager);

#endif
