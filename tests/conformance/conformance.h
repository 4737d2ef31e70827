/* SPDX-License-Identifier: Apache-2.0 */
/* tests/conformance/conformance.h - what the kinds of conformance cases share.
 * A case is one JSON object; its kind shows in its fields. Everything in it must be understood: an
 * unknown field, a missing expectation, a name of nothing is a failure, never skipped.
 * Owns: nothing. Threads: none. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <jansson.h>
#include <stdbool.h>

#include "failover/failover.h"

/* Why a case failed; the first reason stays. */
struct cf_result {
    char why[512];
};

/* Notes a reason; always false, to be returned. */
bool cf_fail(struct cf_result *result, const char *format, ...) FO_PRINTF(2, 3);

/* Whether `object` is one and has no field but those named, parted by spaces. */
bool cf_only(struct cf_result *result, const json_t *object, const char *names);

/* Typed members; a missing one, or one of another type, is a failure. */
bool cf_text(struct cf_result *result, const json_t *object, const char *name, struct fo_str *ret);
bool cf_integer(struct cf_result *result, const json_t *object, const char *name, int64_t *ret);
bool cf_boolean(struct cf_result *result, const json_t *object, const char *name, bool *ret);
bool cf_list(struct cf_result *result, const json_t *object, const char *name,
             const json_t **ret_list);

/* Text of a JSON string; `ptr` NULL for anything else. */
struct fo_str cf_str(const json_t *value);

/* Index of a text in a list of texts, or of objects with that `field`; -1 = not there. */
int64_t cf_find(const json_t *list, const char *field, struct fo_str text);

/* A graph whose vertices are single tasks: `vertices` is a list of names, or of objects with an
 * `id`; `edges` of {from, to, type, partition?}. NULL after a failure. */
struct fo_graph *cf_graph(struct cf_result *result, const json_t *vertices, const json_t *edges);

/* The name of an edge's partition: `partition`, or "from->to". */
const char *cf_partition_name(const json_t *edge, char *buffer, size_t size);

/* The kinds: whether the case passed. */
bool cf_run_regions(struct cf_result *result, const json_t *json);
bool cf_run_scc(struct cf_result *result, const json_t *json);
bool cf_run_failover(struct cf_result *result, const json_t *json);
bool cf_run_strategy(struct cf_result *result, const json_t *json);
bool cf_run_duration(struct cf_result *result, const json_t *json);
bool cf_run_config(struct cf_result *result, const json_t *json);
bool cf_run_enricher(struct cf_result *result, const json_t *json);
bool cf_run_exception(struct cf_result *result, const json_t *json);
bool cf_run_scheduler(struct cf_result *result, const json_t *json);

#endif
