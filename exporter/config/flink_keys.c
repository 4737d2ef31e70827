/* SPDX-License-Identifier: Apache-2.0 */
/* Flink's keys that have no meaning here, from the configuration reference of Flink 1.18 to 2.1. A
 * whole family stands by its prefix; where keys of ours or keys with a meaning are near, each key
 * stands by itself, so that a misspelt one is still an error. */
#include "exporter/config/flink_options.h"

static const char *const families[] = {
    "$internal.",
    "akka.",
    "blob.",
    "classloader.",
    "cleanup-strategy",
    "client.",
    "cluster.",
    "compiler.",
    "containerized.",
    "env.",
    "events.",
    "execution.",
    "external-resource.",
    "external-resources",
    "fine-grained.",
    "flink.hadoop.",
    "fs.",
    "fs.default-scheme",
    "gs.",
    "high-availability",
    "historyserver.",
    "internal.",
    "io.tmp.dirs",
    "jmx.",
    "job-event.",
    "job-result-store.",
    "job.autoscaler.",
    "jobstore.",
    "kubernetes.",
    "mesos.",
    "minicluster.",
    "oss.",
    "parallelism.default",
    "pekko.",
    "pipeline.",
    "plugin.",
    "presto.",
    "process.",
    "python.",
    "query.",
    "queryable-state.",
    "resourcemanager.",
    "rest.",
    "s3.",
    "s3a.",
    "scheduler",
    "scheduler-mode",
    "security.",
    "slot.",
    "slotmanager.",
    "sql-client.",
    "sql-gateway.",
    "state",
    "table.",
    "task.",
    "taskmanager.",
    "traces.",
    "user.artifacts.",
    "yarn.",
    "zookeeper.",
    /* of the families that have keys with a meaning */
    "heartbeat.interval",
    "heartbeat.rpc-failure-threshold",
    "jobmanager.adaptive-batch-scheduler.",
    "jobmanager.adaptive-scheduler.",
    "jobmanager.archive.fs.dir",
    "jobmanager.bind-host",
    "jobmanager.future-pool.size",
    "jobmanager.heap.mb",
    "jobmanager.heap.size",
    "jobmanager.io-pool.size",
    "jobmanager.memory.",
    "jobmanager.partition.",
    "jobmanager.resource-id",
    "jobmanager.resource-wait-timeout",
    "jobmanager.retrieve-taskmanager-hostname",
    "jobmanager.rpc.",
    "jobmanager.scheduler",
    "metrics.fetcher.",
    "metrics.internal.",
    "metrics.job.id-delimiter",
    "metrics.latency.",
    "metrics.reporter.",
    "metrics.reporters",
    "metrics.scope.",
    "metrics.system-resource",
    "metrics.system-resource-probing-interval",
    "web.access-control-allow-origin",
    "web.address",
    "web.backpressure.",
    "web.checkpoints.history",
    "web.history",
    "web.log.path",
    "web.port",
    "web.rescale.enable",
    "web.resources.",
    "web.ssl.enabled",
    "web.timeout",
    "web.tmpdir",
    "web.upload.dir",
};

static bool belongs(const char *key, const char *family) {
    size_t len = strlen(family);

    if (family[len - 1] == '.')
        return strncmp(key, family, len) == 0;
    return strncmp(key, family, len) == 0 && (key[len] == '\0' || key[len] == '.');
}

bool ex_flink_key_is_known(const char *key) {
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (belongs(key, families[i]))
            return true;
    }
    return false;
}

bool ex_flink_key_begins_with(const char *head) {
    size_t len = strlen(head);

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (strncmp(families[i], head, len) == 0 && families[i][len] == '.')
            return true;
    }
    return ex_flink_key_is_known(head);
}
