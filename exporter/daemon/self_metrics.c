/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/self_metrics.h"

#define COUNT_OF(array_) (sizeof(array_) / sizeof *(array_))

enum { MS_PER_S = 1000 };

static const double ns_per_s = 1e9;

static const char *const engine_labels[] = {"engine"};
static const char *const code_labels[] = {"code"};
static const char *const reason_labels[] = {"reason"};
static const char *const codes[EX_SELF_CODES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

static const struct ex_family_spec engine_spec = {
    .name = "failover_engine_up",
    .help = "1 while the engine can do its work: run tasks, or reach every JobManager.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
    .labels = engine_labels,
    .label_count = 1,
    .cardinality = "engines",
};
static const struct ex_family_spec output_dropped_spec = {
    .name = "failover_task_output_dropped_bytes",
    .help = "Output of tasks that could not be written to a log, such as on a full disk.",
    .type = EX_COUNTER,
    .stability = EX_STABLE,
    .unit = "bytes",
    .real = true,
};
static const struct ex_family_spec reload_spec = {
    .name = "failover_config_last_reload_successful",
    .help = "1 if the configuration was read without an error the last time.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
};
static const struct ex_family_spec reload_time_spec = {
    .name = "failover_config_last_reload_success_timestamp_seconds",
    .help = "When the configuration was last read without an error.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
    .unit = "seconds",
};
static const struct ex_family_spec hash_spec = {
    .name = "failover_config_hash",
    .help = "Fingerprint of the configuration file in force, 48 bits; 0 when there is none.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
};
static const struct ex_family_spec web_reload_spec = {
    .name = "failover_web_config_last_reload_successful",
    .help = "1 if the web configuration was read without an error the last time, or there is none.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
};
static const struct ex_family_spec web_reload_time_spec = {
    .name = "failover_web_config_last_reload_success_timestamp_seconds",
    .help = "When the web configuration was last read without an error; 0 when there is none.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
    .unit = "seconds",
};
static const struct ex_family_spec web_hash_spec = {
    .name = "failover_web_config_hash",
    .help = "Fingerprint of the web configuration in force, 48 bits; 0 when there is none.",
    .type = EX_GAUGE,
    .stability = EX_STABLE,
};
static const struct ex_family_spec response_spec = {
    .name = "failover_http_responses",
    .help = "HTTP answers by class of status.",
    .type = EX_COUNTER,
    .stability = EX_EXPERIMENTAL,
    .labels = code_labels,
    .label_count = 1,
    .closed_labels = 1,
    .real = true,
    .cardinality = "5",
};
static const struct ex_family_spec rejected_spec = {
    .name = "failover_http_rejected",
    .help = "Connections and requests that were refused, by reason.",
    .type = EX_COUNTER,
    .stability = EX_EXPERIMENTAL,
    .labels = reason_labels,
    .label_count = 1,
    .closed_labels = 1,
    .real = true,
    .cardinality = "9",
};
static const struct ex_family_spec in_flight_spec = {
    .name = "failover_http_requests_in_flight",
    .help = "HTTP requests being answered now.",
    .type = EX_GAUGE,
    .stability = EX_EXPERIMENTAL,
};
static const struct ex_family_spec connections_spec = {
    .name = "failover_http_connections",
    .help = "HTTP connections open now.",
    .type = EX_GAUGE,
    .stability = EX_EXPERIMENTAL,
};

static const struct ex_family_spec scrape_failure_spec = {
    .name = "failover_scrape_failures",
    .help =
        "Scrapes that were answered 503 because the page came too late, was too large, or found "
        "no memory.",
    .type = EX_COUNTER,
    .stability = EX_EXPERIMENTAL,
    .labels = reason_labels,
    .label_count = 1,
    .closed_labels = 1,
    .real = true,
    .cardinality = "3",
};
static const struct ex_family_spec scrape_seconds_spec = {
    .name = "failover_last_scrape_seconds",
    .help = "What it took to render the page before this one.",
    .type = EX_GAUGE,
    .stability = EX_EXPERIMENTAL,
    .unit = "seconds",
};
static const struct ex_family_spec scrape_bytes_spec = {
    .name = "failover_last_scrape_bytes",
    .help = "Size of the page before this one, as it was sent.",
    .type = EX_GAUGE,
    .stability = EX_EXPERIMENTAL,
    .unit = "bytes",
};

/* A family with one series per value of its label; `values` NULL = one series without labels. */
struct opening {
    const struct ex_family_spec *spec;
    const char *const *values;
    size_t count;
    struct ex_series **place;
};

static int open_series(struct ex_self_metrics *self, struct ex_metrics *metrics,
                       const struct opening *opening, struct fo_error *reterr) {
    struct ex_family *family;
    int ret = ex_metrics_family(metrics, opening->spec, &family, reterr);

    for (size_t i = 0; i < opening->count && ret == 0; i++) {
        struct fo_str value = fo_str_of(opening->values ? opening->values[i] : NULL);
        ret = ex_group_series(self->group, family, opening->values ? &value : NULL,
                              &opening->place[i]);
    }
    return ret;
}

static void show_http(struct ex_self_metrics *self, const struct ex_http_counters *counters) {
    for (size_t i = 0; i < EX_SELF_CODES; i++)
        ex_series_set(self->responses[i], (double)atomic_load(&counters->responses[i + 1]));
    for (size_t i = 0; i < EX_HTTP_REJECTIONS; i++)
        ex_series_set(self->rejected[i], (double)atomic_load(&counters->rejected[i]));
    ex_series_set(self->in_flight, (double)atomic_load(&counters->in_flight));
    ex_series_set(self->connections, (double)atomic_load(&counters->connections));
    ex_series_set(self->web_reload_successful, atomic_load(&counters->last_reload_successful));
    ex_series_set(self->web_reload_timestamp,
                  (double)atomic_load(&counters->last_reload_success_ms) / MS_PER_S);
    ex_series_set(self->web_config_hash, (double)atomic_load(&counters->web_config_hash));
}

static void show_scrapes(struct ex_self_metrics *self, const struct ex_scrape_counters *scrapes) {
    for (size_t i = 0; i < EX_SCRAPE_FAILURES; i++)
        ex_series_set(self->scrape_failures[i], (double)atomic_load(&scrapes->failures[i]));
    ex_series_set(self->scrape_seconds, (double)atomic_load(&scrapes->last_render_ns) / ns_per_s);
    ex_series_set(self->scrape_bytes, (double)atomic_load(&scrapes->last_bytes));
}

static void collect(void *arg) {
    struct ex_self_metrics *self = arg;
    const struct ex_http_counters *counters = atomic_load(&self->counters);

    if (counters)
        show_http(self, counters);
    show_scrapes(self, self->scrapes);
    ex_series_set(self->output_dropped, (double)atomic_load(&self->output_dropped_bytes));
    ex_series_set(self->reload_successful, atomic_load(&self->reload_failed) ? 0 : 1);
    ex_series_set(self->reload_timestamp, (double)atomic_load(&self->reloaded_ms) / MS_PER_S);
}

int ex_self_metrics_init(struct ex_self_metrics *self, struct ex_metrics *metrics,
                         const struct ex_scrape_counters *scrapes, struct fo_error *reterr) {
    const char *reasons[EX_HTTP_REJECTIONS];
    const char *failures[EX_SCRAPE_FAILURES];
    const struct opening openings[] = {
        {&output_dropped_spec, NULL, 1, &self->output_dropped},
        {&reload_spec, NULL, 1, &self->reload_successful},
        {&reload_time_spec, NULL, 1, &self->reload_timestamp},
        {&hash_spec, NULL, 1, &self->config_hash},
        {&web_reload_spec, NULL, 1, &self->web_reload_successful},
        {&web_reload_time_spec, NULL, 1, &self->web_reload_timestamp},
        {&web_hash_spec, NULL, 1, &self->web_config_hash},
        {&response_spec, codes, EX_SELF_CODES, self->responses},
        {&rejected_spec, reasons, EX_HTTP_REJECTIONS, self->rejected},
        {&in_flight_spec, NULL, 1, &self->in_flight},
        {&connections_spec, NULL, 1, &self->connections},
        {&scrape_failure_spec, failures, EX_SCRAPE_FAILURES, self->scrape_failures},
        {&scrape_seconds_spec, NULL, 1, &self->scrape_seconds},
        {&scrape_bytes_spec, NULL, 1, &self->scrape_bytes},
    };

    for (int i = 0; i < EX_HTTP_REJECTIONS; i++)
        reasons[i] = ex_http_rejection_name((enum ex_http_rejection)i);
    for (int i = 0; i < EX_SCRAPE_FAILURES; i++)
        failures[i] = ex_scrape_failure_name((enum ex_scrape_failure)i);
    self->scrapes = scrapes;
    int ret = ex_group_new_live(metrics, &self->group);
    if (ret == 0)
        ret = ex_metrics_family(metrics, &engine_spec, &self->engine_up, reterr);
    for (size_t i = 0; i < COUNT_OF(openings) && ret == 0; i++)
        ret = open_series(self, metrics, &openings[i], reterr);
    if (ret == 0)
        ret = ex_metrics_collector(metrics, collect, self);
    return ret;
}

int ex_self_metrics_engine(struct ex_self_metrics *self, const char *name,
                           struct ex_series **ret_up) {
    const struct fo_str value = fo_str_of(name);

    return ex_group_series(self->group, self->engine_up, &value, ret_up);
}

void ex_self_metrics_config(struct ex_self_metrics *self, uint64_t hash) {
    ex_series_set(self->config_hash, (double)hash);
}

void ex_self_metrics_reloaded(struct ex_self_metrics *self, bool good, int64_t wall_ms) {
    atomic_store(&self->reload_failed, !good);
    if (good)
        atomic_store(&self->reloaded_ms, wall_ms);
}
