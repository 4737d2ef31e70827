/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/manifest.h - every family that is declared, for people and for programs:
 * docs/metrics.md and metrics.json are made of these texts, never written by hand.
 * Owns: nothing. Threads: any. */
#ifndef EX_METRICS_MANIFEST_H
#define EX_METRICS_MANIFEST_H

#include "exporter/base/buffer.h"
#include "exporter/metrics/metrics.h"

/* A page with one table, families in alphabetical order. -ENOMEM; a failure of `out` stays in it.
 */
FO_MUST_CHECK int ex_manifest_markdown(const struct ex_metrics *metrics, struct ex_buffer *out);

/* One JSON object: {"families":[{"name","type","unit","help","labels":[],"buckets":[],"native",
 * "cardinality","stability","collector"}]}, in alphabetical order; `name` is that of the samples,
 * `unit` null where there is none. */
FO_MUST_CHECK int ex_manifest_json(const struct ex_metrics *metrics, struct ex_buffer *out);

#endif
