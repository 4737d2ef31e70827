/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/job_spec.h - a job as its file describes it, checked and complete: every default
 * is filled in, every restart strategy chosen. Owns: everything it points to.
 * Threads: immutable once made; the count of owners is atomic. */
#ifndef EX_CONFIG_JOB_SPEC_H
#define EX_CONFIG_JOB_SPEC_H

#include <jansson.h>

#include "exporter/config/policies.h"
#include "exporter/config/settings.h"

enum ex_ready { EX_READY_EXEC, EX_READY_NOTIFY };

struct ex_vertex_spec {
    struct fo_str id;
    uint32_t parallelism;
    char **command; /* argv, NULL-terminated; NULL when the job has none (push) */
    char **env;     /* "NAME=value", NULL-terminated; only the job's own */
    char *runtime;  /* shell, python, jvm, ...; NULL = to be detected */
    enum ex_ready ready;
    int64_t stop_timeout_ms; /* TERM to KILL; default 10 s */
    int64_t timeout_ms;      /* of one attempt; 0 = none */
    int64_t watchdog_ms;     /* 0 = none */
    uint64_t memory_bytes;   /* limits; 0 = none */
    double cpu;              /* cores */
    uint32_t pids;
    uint32_t nofile;
    int line;         /* in the job file */
    int command_line; /* 0 = no command */
};

struct ex_job_spec {
    char *name;
    char *engine;               /* the configured name of the engine that runs it */
    char *engine_kind;          /* local, push, ... */
    char *path;                 /* of the file, absolute; NULL when it came over HTTP */
    char *working_directory;    /* absolute; NULL when there are no commands */
    int working_directory_line; /* 0 = not in the file */
    bool checkpointing;
    struct ex_vertex_spec *vertices;
    uint32_t vertex_count;
    struct fo_edge_spec *edges; /* from and to are indices into vertices */
    uint32_t edge_count;
    int *edge_lines;                /* in the job file */
    struct fo_graph *graph;         /* built from the two; owned reference */
    struct fo_job_config decisions; /* strategies, policies, history size: ready for fo_job_new() */
    struct ex_policies *policies;   /* what decisions.policies points to; owned reference */
    bool strategy_from_job;         /* the job's own configuration names a restart strategy */
    bool strategy_unknown;     /* only whoever runs the job knows it; `decisions` never refuse */
    json_t *configuration;     /* the job's own `configuration`, flat Flink keys to strings */
    struct ex_notices notices; /* what the user should read, though nothing is wrong */
    char *source;              /* what it was read from, as JSON: it can be made of it again */
    char *folder;              /* where its relative paths start; NULL = nowhere */
    bool commands_optional;    /* as it came */
    uint64_t content_hash;     /* of the file's meaning: equal files resume, others do not */
    /* owners are counted by ex_job_spec_ref/unref */
    uint32_t owners;
};

struct ex_job_spec *ex_job_spec_ref(struct ex_job_spec *spec);
struct ex_job_spec *ex_job_spec_unref(struct ex_job_spec *spec); /* NULL allowed; returns NULL */

#endif
