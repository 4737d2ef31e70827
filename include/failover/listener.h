/* SPDX-License-Identifier: Apache-2.0 */
/* failover/listener.h - the ABI of failure listeners (Flink's FailureEnricher, and the
 * FailureListener before it): a plug-in that sees every failure and may label it.
 *
 * A shared library exports one const struct, fl_listener_entry, and nothing else. It is loaded by a
 * process of its own (failover_listener_host), never by the daemon: a listener that crashes, hangs
 * or eats memory harms itself only.
 *
 *     create, then any number of on_failure and on_event, then destroy.
 *
 * Threads: for one `self` calls never overlap, though the thread may change. [main] is the thread
 * that creates and destroys, [listener] the one that brings failures, [any] any thread at any time.
 * Ownership: what a call is given is borrowed until it returns, `host` as long as `self`; the host
 * copies what it is given. No memory crosses for the other side to free.
 * Growth: `size` and `abi` stand first in every struct; the reader looks at min(size, its own
 * sizeof) and takes what is missing as zero or NULL, "not offered". Fields are only appended, each
 * with the version that brought it. Optional powers are extensions, asked for by id. */
#ifndef FAILOVER_LISTENER_H
#define FAILOVER_LISTENER_H

#include "failover/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FL_ABI_MAJOR 1u
#define FL_ABI_MINOR 0u
#define FL_ABI ((FL_ABI_MAJOR << 16) | FL_ABI_MINOR)

#if defined(__GNUC__)
#define FL_EXPORT __attribute__((visibility("default")))
#else
#define FL_EXPORT
#endif

enum fl_log_level { FL_LOG_DEBUG, FL_LOG_INFO, FL_LOG_WARN, FL_LOG_ERROR };

/* Answers of create() and on_failure() and on_event(). */
enum fl_result {
    FL_OK = 0,
    FL_ERROR = -1, /* counted; no labels come of it */
};

/* What a listener may ask of its host. */
struct fl_host {
    uint32_t size;
    uint32_t abi; /* FL_ABI of the host */
    void *ctx;    /* the host's; passed back untouched */
    /* Writes a line to the daemon's log. `level` is enum fl_log_level. [any] */
    void (*log)(void *ctx, int32_t level, struct fo_str text);
    /* Ends `completion`, once, with these labels (none is an answer too). May be called inside
     * on_failure() or later. Keys that were not declared are dropped. A listener that declares no
     * keys may answer one label with an empty key: a tag; it is shown under the listener's name.
     * [any] */
    void (*complete)(void *ctx, uint64_t completion, const struct fo_label *labels,
                     uint32_t label_count);
    /* An extension by its id, such as FL_METRICS_ID; NULL when this host has none. [any] */
    const void *(*extension)(void *ctx, const char *id);
};

/* failure type of FailureEnricher.Context */
enum fl_failure_type { FL_FAILURE_TASK, FL_FAILURE_GLOBAL };

enum fl_proof { FL_PROOF_UNSUPPORTED, FL_PROOF_NO, FL_PROOF_YES };

/* A link of the cause chain. */
struct fl_exception {
    struct fo_str class_name;
    struct fo_str message;
};

/* A failure, as far as it is known when it has just been accepted. Texts have been redacted. */
struct fl_failure {
    uint32_t size;
    uint32_t abi;
    uint64_t id;       /* of this failure; the same if it is shown again after a crash */
    uint64_t incident; /* shared by all events of one incident of the job */
    int64_t time_ms;   /* since the epoch */
    struct fo_str engine;
    struct fo_str job_id;
    struct fo_str job_name;
    struct fo_str task; /* "vertex[2]"; empty for a global failure */
    struct fo_str vertex;
    uint32_t subtask;
    uint32_t attempt;
    int32_t failure_type;    /* enum fl_failure_type */
    int32_t exit_code;       /* -1 = did not exit by itself */
    int32_t signal;          /* 0 = none */
    int32_t core_dumped;     /* 0 or 1 */
    int32_t cgroup_oom_kill; /* enum fl_proof */
    int32_t deadline_exceeded;
    int32_t heartbeat_missed;
    int32_t secondary;     /* a consequence of a neighbour's failure */
    struct fo_str runtime; /* declared or detected; empty = unknown */
    struct fo_str platform_reason;
    struct fo_str message;                 /* one line for people */
    struct fo_str output;                  /* the end of what the task printed; bounded */
    struct fo_str matched;                 /* the line that the categoriser decided by */
    const struct fl_exception *exceptions; /* outermost first */
    uint32_t exception_count;
    uint32_t label_count;
    const struct fo_label *labels; /* the categoriser's verdict */
};

enum fl_event_kind {
    FL_EVENT_LABELLED = 1,  /* labels of a failure are final; labels, failure_id */
    FL_EVENT_EXHAUSTED = 2, /* the job gave up; reason, failure_id */
    FL_EVENT_RECOVERED = 3, /* all restarted tasks run again; duration_ms */
};

struct fl_event {
    uint32_t size;
    uint32_t abi;
    int32_t kind; /* enum fl_event_kind */
    int32_t reserved;
    uint64_t incident;
    uint64_t failure_id; /* 0 = none */
    int64_t time_ms;
    struct fo_str engine;
    struct fo_str job_id;
    struct fo_str job_name;
    struct fo_str reason;          /* EXHAUSTED: budget, non_recoverable, policy */
    int64_t duration_ms;           /* RECOVERED */
    const struct fo_label *labels; /* LABELLED: merged over all listeners */
    uint32_t label_count;
    uint32_t reserved2;
    struct fo_str task;    /* LABELLED, EXHAUSTED: of the failure; empty for a global one */
    struct fo_str message; /* LABELLED, EXHAUSTED: its line for people */
};

/* The listener. */
struct fl_listener {
    uint32_t size;
    uint32_t abi; /* FL_ABI that it was built with; another major is refused */
    const char *name;
    const char *version;
    const char *const *output_keys; /* what it may answer; NULL = none, it may answer a tag */
    uint32_t output_key_count;
    uint32_t reserved;
    /* `config_json` is its part of the configuration, an object. FL_OK: *ret_self is the listener's
     * own state. Otherwise a text in `err` (terminated) and nothing left behind. [main] */
    int32_t (*create)(const struct fl_host *host, struct fo_str config_json, void **ret_self,
                      char *err, uint32_t err_size);
    /* Must return soon; host->complete(completion) may follow later. FL_ERROR ends the completion
     * without labels. [listener] */
    int32_t (*on_failure)(void *self, const struct fl_failure *failure, uint64_t completion);
    /* NULL = not wanted. [listener] */
    int32_t (*on_event)(void *self, const struct fl_event *event);
    /* NULL allowed when there is nothing to end. [main] */
    void (*destroy)(void *self);
};

/* The one symbol that a listener library exports. */
extern FL_EXPORT const struct fl_listener fl_listener_entry;

/* ---- extension fl.metrics/1: metrics of the listener's own --------------------------------
 * Shown as failover_plugin_<listener>_<name>. A metric is made once, in create() or later; label
 * names are fixed then, label values are given with each change and are limited by the daemon. */
#define FL_METRICS_ID "fl.metrics/1"

enum fl_metric_type { FL_COUNTER, FL_GAUGE, FL_HISTOGRAM };

struct fl_metrics {
    uint32_t size;
    uint32_t abi;
    void *ctx;
    /* The number of the metric, or -1: a bad or double name, or too many. Buckets: histogram only,
     * ascending, without +Inf. [main] */
    int32_t (*declare)(void *ctx, int32_t type, const char *name, const char *help,
                       const char *const *labels, uint32_t label_count, const double *buckets,
                       uint32_t bucket_count);
    /* Counter: adds `value` (not negative); gauge: sets it; histogram: observes it. One value per
     * label. [any] */
    void (*update)(void *ctx, int32_t metric, const struct fo_str *values, uint32_t value_count,
                   double value);
};

#ifdef __cplusplus
}
#endif

#endif
