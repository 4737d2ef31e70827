/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/self_metrics.h - what the daemon says of itself: its engines, its configuration,
 * its HTTP doors. Read at each scrape, on its thread; none of it belongs to a job. Owns: nothing;
 * the registry owns the series. Threads: [main] makes it. */
#ifndef EX_DAEMON_SELF_METRICS_H
#define EX_DAEMON_SELF_METRICS_H

#include "exporter/daemon/read_door.h"
#include "exporter/http/http.h"
#include "exporter/metrics/metrics.h"

enum { EX_SELF_CODES = 5 };

struct ex_self_metrics {
    _Atomic(const struct ex_http_counters *) counters; /* NULL until the door is open */
    const struct ex_scrape_counters *scrapes;          /* borrowed */
    struct ex_group *group;
    struct ex_family *engine_up;
    struct ex_series *output_dropped;
    struct ex_series *reload_successful;
    struct ex_series *reload_timestamp;
    struct ex_series *config_hash;
    struct ex_series *web_reload_successful;
    struct ex_series *web_reload_timestamp;
    struct ex_series *web_config_hash;
    struct ex_series *responses[EX_SELF_CODES];
    struct ex_series *rejected[EX_HTTP_REJECTIONS];
    struct ex_series *in_flight;
    struct ex_series *connections;
    struct ex_series *scrape_failures[EX_SCRAPE_FAILURES];
    struct ex_series *scrape_seconds;
    struct ex_series *scrape_bytes;
    atomic_uint_fast64_t output_dropped_bytes; /* the engine adds to it */
    _Atomic int64_t reloaded_ms;               /* wall clock of the last good (re)load */
    atomic_bool reload_failed;
};

/* Declares the families; `self` and `scrapes` must stay as long as the registry is scraped. As
 * ex_metrics_family(). */
FO_MUST_CHECK int ex_self_metrics_init(struct ex_self_metrics *self, struct ex_metrics *metrics,
                                       const struct ex_scrape_counters *scrapes,
                                       struct fo_error *reterr);

/* The configuration that is in force. [main] */
void ex_self_metrics_config(struct ex_self_metrics *self, uint64_t hash);

/* An engine, which is not up yet; its owner sets *ret_up. As ex_group_series(). */
FO_MUST_CHECK int ex_self_metrics_engine(struct ex_self_metrics *self, const char *name,
                                         struct ex_series **ret_up);

/* The configuration was read again, or could not be. [any] */
void ex_self_metrics_reloaded(struct ex_self_metrics *self, bool good, int64_t wall_ms);

#endif
