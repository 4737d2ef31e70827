/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/config.h - the daemon's configuration file, read, checked and complete.
 * Owns: everything it points to. Threads: immutable once made; owners are counted atomically, so
 * that a reload can swap it while others still read the old one. */
#ifndef EX_CONFIG_CONFIG_H
#define EX_CONFIG_CONFIG_H

#include "exporter/config/engine_flink.h"
#include "exporter/config/flink_options.h"
#include "exporter/config/policies.h"

enum {
    EX_LISTENERS_MAX = 64,
    EX_ENGINES_MAX = 64,
    EX_ROLES_MAX = 4096,
    EX_NAME_MAX = 64,         /* bytes of a listener's or engine's name */
    EX_RULE_FILES_MAX = 64,   /* each of `files` and `before` */
    EX_RULE_TEXTS_MAX = 1024, /* each of `disable` and `redact` */
    EX_WRITABLE_MAX = 60,     /* paths that a listener may write */
};

/* One entry of `listeners`: settings of a failure listener; whether it runs is said by
 * jobmanager.failure-enrichers. */
struct ex_listener_config {
    char *name;
    int line;
    int64_t timeout_ms;    /* for one answer */
    uint64_t memory_bytes; /* of its process; 0 = the host's default */
    uint32_t queue;        /* failures that may wait; 0 = the host's default */
    json_t *rename;        /* object: output key -> label; borrowed; NULL = none */
    json_t *config;        /* the listener's own, any value; borrowed; NULL = none */
    json_t *writable;      /* list of absolute paths that it may write; borrowed; NULL = none */
    /* only of `catalogue` */
    json_t *files;   /* list of rule files, in order after the built-in ones; borrowed; NULL */
    json_t *before;  /* rule files that come before the built-in ones */
    json_t *disable; /* list of ids of rules; borrowed; NULL */
    json_t *redact;  /* list of expressions; borrowed; NULL */
};

/* One entry of `engines`, under its configured name. */
struct ex_engine_config {
    char *name;
    char *kind; /* local, push, flink */
    int line;
    char *user;                      /* local: whom tasks run as; NULL = ourselves */
    struct ex_flink_settings *flink; /* flink: its own; owned */
};

/* Roles of a user of the control door: bits. */
enum ex_role { EX_ROLE_READ = 1, EX_ROLE_REPORT = 2, EX_ROLE_CONTROL = 4 };

struct ex_role_grant {
    char *user;
    unsigned roles;
};

/* metrics.job.status.enable: bits. */
enum ex_job_status_metrics {
    EX_JOB_STATUS_STATE = 1,
    EX_JOB_STATUS_CURRENT_TIME = 2,
    EX_JOB_STATUS_TOTAL_TIME = 4,
};

struct ex_config {
    struct ex_settings settings; /* flat keys, checked */
    enum ex_flink_profile profile;
    struct ex_policies *policies;
    struct ex_listener_config *listeners;
    uint32_t listener_count;
    struct ex_engine_config *engines;
    uint32_t engine_count;
    struct ex_role_grant *roles;
    uint32_t role_count;
    struct fo_str failure_enrichers; /* as written; empty = none */
    int failure_enrichers_line;      /* 0 = not set */

    uint32_t exception_history_size;
    uint32_t attempts_history_size;
    int64_t refresh_interval_ms;
    bool web_cancel;
    bool web_submit;
    unsigned job_status_metrics;
    int64_t heartbeat_timeout_ms;

    int64_t metrics_retention_ms;
    uint32_t metrics_value_bytes;
    uint32_t metrics_values_per_label;
    uint32_t metrics_series_per_family;
    uint32_t metrics_series_total;
    uint64_t metrics_bytes_total;
    struct fo_str metrics_allowlist; /* as written; empty = all */
    struct fo_str metrics_denylist;
    uint32_t storage_retention_count;
    uint64_t storage_retention_bytes;
    int64_t storage_retention_age_ms;

    struct ex_notices notices;
    char *folder;         /* of the file: its relative paths start here; "." without a file */
    uint64_t hash;        /* a fingerprint of the file, of 48 bits; 0 without a file */
    struct ex_tree *tree; /* lines of the borrowed nodes above */
    uint32_t owners;
};

/* Reads a file and checks all that can be checked without other files: rule files are named in it,
 * but read by who compiles them. `path` NULL: the defaults. -EINVAL, -E2BIG, -ENOMEM or the
 * negative errno of reading; with line and text in `reterr`: the caller prints "PATH:LINE: text".
 */
FO_MUST_CHECK int ex_config_load(const char *path, struct ex_config **ret_config,
                                 struct fo_error *reterr);

/* The same from bytes; `folder` is where relative paths start. */
FO_MUST_CHECK int ex_config_parse(struct fo_str bytes, const char *folder,
                                  struct ex_config **ret_config, struct fo_error *reterr);

struct ex_config *ex_config_ref(struct ex_config *config);
struct ex_config *ex_config_unref(struct ex_config *config); /* NULL allowed; returns NULL */

/* By name; borrowed; NULL = no such entry. */
const struct ex_listener_config *ex_config_listener(const struct ex_config *config,
                                                    struct fo_str name);
const struct ex_engine_config *ex_config_engine(const struct ex_config *config, struct fo_str name);

/* The kind of the engine of a name: that of its entry; else the name itself, where it is a kind.
 * NULL = no such engine. `config` may be NULL. Borrowed. */
const char *ex_config_engine_kind(const struct ex_config *config, struct fo_str name);

#endif
