/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/flink/internal.h - the inside of the Flink engine: JobManagers, which are polled
 * each by itself, and the jobs that they tell of.
 *
 * One turn of a JobManager: /overview, /jobs/overview, then for every job that has changed (or is
 * due) a chain of requests, a few chains at a time; then it sleeps. Within a chain the order
 * matters: numRestarts before the state before the exceptions, so that what was counted has been
 * listed. Owns: see each struct. Threads: [main]. */
#ifndef EX_ENGINES_FLINK_INTERNAL_H
#define EX_ENGINES_FLINK_INTERNAL_H

#include <jansson.h>
#include <sys/queue.h>

#include "exporter/engines/flink/client.h"
#include "exporter/engines/flink/flink.h"
#include "exporter/engines/flink/metrics.h"
#include "exporter/engines/flink/plan.h"
#include "exporter/engines/flink/seen.h"
#include "exporter/manager/mirror.h"

enum {
    EX_FLINK_CHAINS_MAX = 4,     /* of one JobManager at a time */
    EX_FLINK_HOT_MS = 15000,     /* a job that has changed is looked at again for that long: parts
                                    of Flink's answers come from caches of up to 10 s */
    EX_FLINK_CACHE_MS = 12000,   /* after that no answer is of before */
    EX_FLINK_REFRESH_MS = 60000, /* every job is looked at as often */
    EX_FLINK_MISSES_MAX = 3,     /* polls without a job until it counts as gone */
    EX_FLINK_BACK_OFF_MAX_MS = 60000,
    EX_FLINK_JOBS_MAX = 20000, /* of one JobManager */
    EX_FLINK_BUCKETS = 4096,
    EX_FLINK_HISTORY_LEAST = 16, /* web.exception-history-size, by default */
    EX_FLINK_URL_BYTES = EX_FLINK_URL_MAX_BYTES + 256,
};

/* The requests of a chain, in order. */
enum ex_flink_step {
    EX_FLINK_CONFIG, /* only before the job is open */
    EX_FLINK_RESTARTS,
    EX_FLINK_DETAILS,
    EX_FLINK_EXCEPTIONS,
    EX_FLINK_CHECKPOINTS, /* now and then */
    EX_FLINK_CHAIN_ENDS,
};

/* A job of the overview, as long as the overview lists it. */
struct ex_engine_job {
    LIST_ENTRY(ex_engine_job) bucket;
    TAILQ_ENTRY(ex_engine_job) link;    /* of its JobManager */
    STAILQ_ENTRY(ex_engine_job) queued; /* for a chain */
    struct ex_flink_jm *jm;
    struct ex_job *job; /* NULL: not open, or let go of */
    struct ex_flink_job_series series;
    char *name;
    char id[EX_JOB_ID_LEN + 1];

    bool is_queued;
    bool in_chain;
    bool wants_all;         /* not the checkpoints only */
    bool is_done;           /* nothing is asked about it any more */
    bool is_gone;           /* the record goes when the job is let go of */
    bool counts_from_first; /* it began while we watched: all its entries are new */
    bool has_checkpoints;
    bool seen_loaded;       /* `seen` goes on where an earlier life of the daemon ended */
    bool has_looked;        /* at the exceptions, before */
    bool saw_end;           /* there is an entry without a task */
    bool restarts_answered; /* numRestarts was told in this chain */
    bool warned_rescaled;

    /* of the overview */
    unsigned missed; /* polls that did not list it */
    enum fo_job_state listed_state;
    uint64_t poll; /* the last that listed it */
    int64_t start_ms;
    int64_t listed_modified_ms;

    /* of its chains */
    struct ex_fetch *fetch;   /* under way */
    int64_t done_modified_ms; /* `listed_modified_ms` of the last chain that went through */
    int64_t chain_modified_ms;
    int64_t hot_until_ms;
    int64_t refresh_ms; /* the next look at it, whatever the overview says */
    int64_t checkpoints_ms;
    int64_t settled_ms; /* numRestarts is of our time from then on */
    uint64_t missing;   /* restarts without an entry: the least since then */
    int64_t missing_since_ms;
    json_t *config;     /* of GET /jobs/:id/config, until the job is open */
    json_t *vertex_ids; /* as Flink calls them, in the order of the graph */
    json_t *vertex_names;
    struct ex_flink_seen seen;
    struct fo_mirror mirror; /* of the details; told when the exceptions have been told */
    uint32_t *task_counts;   /* of it; NULL = do not fit */
    enum ex_flink_step step;
};

struct ex_flink_jm {
    TAILQ_ENTRY(ex_flink_jm) link;
    struct ex_flink *flink;
    char *url;
    uv_timer_t timer;
    struct ex_flink_jm_series series;
    TAILQ_HEAD(ex_flink_jobs, ex_engine_job) jobs;
    STAILQ_HEAD(, ex_engine_job) queue;
    struct ex_fetch *fetch; /* of the overviews */
    unsigned chains;        /* under way */
    unsigned failures;      /* polls in a row that got no overview */
    bool is_up;
    bool is_known;  /* it has answered before */
    bool is_wanted; /* by the discovery that is under way */
    bool is_closing;
    bool is_told; /* that it answers, or does not */
    bool in_turn; /* chains are under way, or wait */
    bool is_pumping;
    uint64_t began_ns; /* of the turn */
    uint64_t poll;
    int64_t newest_start_ms; /* of all jobs that it has ever listed; Flink's clock */
};

struct ex_flink {
    struct ex_flink_config config;
    const struct ex_flink_families *families;
    struct ex_client *client;
    TAILQ_HEAD(, ex_flink_jm) jms;
    LIST_HEAD(, ex_engine_job) buckets[EX_FLINK_BUCKETS];
    uv_timer_t discovery;
    int64_t *files_changed_ns; /* of each file, when it was last read */
    uint64_t random_state;
    uint64_t bucket_seed;
    int64_t started_ms; /* wall clock */
    unsigned handles;   /* to be closed */
    bool is_closing;
    bool told_up;
};

/* ---- flink.c ---- */

/* Whether all JobManagers answer may have changed. */
void ex_flink_check_up(struct ex_flink *flink);
struct ex_engine_job *ex_flink_find(struct ex_flink *flink, const char *id);
void ex_flink_insert(struct ex_flink *flink, struct ex_engine_job *record);
/* One handle less is open; the last frees the engine. */
void ex_flink_handle_closed(struct ex_flink *flink);

/* ---- discovery.c ---- */

/* JobManagers as the settings list them, and the files if they have changed. 0 or -ENOMEM. */
FO_MUST_CHECK int ex_flink_discover(struct ex_flink *flink);

/* ---- jobmanager.c ---- */

FO_MUST_CHECK int ex_flink_jm_new(struct ex_flink *flink, char *url); /* takes url */
void ex_flink_jm_close(struct ex_flink_jm *jm); /* with its jobs; freed when its timer is closed */
/* The last of its jobs may have gone. */
void ex_flink_jm_check_gone(struct ex_flink_jm *jm);
/* A chain has ended. */
void ex_flink_jm_chain_done(struct ex_flink_jm *jm);

/* An answer as JSON: a new reference; NULL, with the reason logged, when it is none, or no 200. */
json_t *ex_flink_read(struct ex_flink_jm *jm, const char *what, const struct ex_fetched *fetched);

/* ---- record.c: one job ---- */

/* An entry of the overview: finds or makes the record, queues it when it is due. */
FO_MUST_CHECK int ex_flink_job_listed(struct ex_flink_jm *jm, const json_t *entry, int64_t now_ms);
/* The overview did not list it. */
void ex_flink_job_missed(struct ex_engine_job *record);
void ex_flink_job_start(struct ex_engine_job *record); /* its chain */
/* It is not watched any more: the job is told to be SUSPENDED, and the record goes with it. */
void ex_flink_job_forget(struct ex_engine_job *record);
/* The job manager has let go of the job. */
void ex_flink_job_let_go(struct ex_engine_job *record);

/* ---- open.c ---- */

/* Opens the job, or takes it up again. -EAGAIN: it is too early; other errors are for good. */
FO_MUST_CHECK int ex_flink_job_open(struct ex_engine_job *record, const json_t *details);

/* ---- exceptions.c ---- */

/* Tells of every entry that is new, oldest first; counts gaps. */
void ex_flink_job_exceptions(struct ex_engine_job *record, const json_t *answer);

#endif
