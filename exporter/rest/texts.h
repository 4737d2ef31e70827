/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/rest/texts.h - texts in the forms that Flink's REST API shows them. Results are new
 * references, NULL without memory. Threads: any. */
#ifndef EX_REST_TEXTS_H
#define EX_REST_TEXTS_H

#include <jansson.h>
#include <stdbool.h>

#include "failover/failover.h"

/* A string; what is no UTF-8 in it becomes U+FFFD. */
json_t *ex_rest_text(struct fo_str text);

/* The settings of an edge, as Flink's plans spell them; static texts. */
const char *ex_rest_exchange_name(enum fo_exchange exchange);
const char *ex_rest_pattern_name(enum fo_pattern pattern);

/* "vertex (2/4)", and with an attempt that is not negative " - execution #0" behind it. */
json_t *ex_rest_task_name(const struct fo_graph *graph, uint32_t task, int64_t attempt);

enum { EX_REST_DURATION_BYTES = 48 };
/* Java's Duration.toString(): "PT1H0.5S". Returns `text`. */
const char *ex_rest_duration(int64_t duration_ms, char text[static EX_REST_DURATION_BYTES]);

/* RestartStrategyDescriptionUtils: a restart strategy in words. */
json_t *ex_rest_strategy(const struct fo_strategy_config *strategy);

/* The same as data, ours: {"type": "fixed-delay", "attempts": 3, "delay_ms": 1000}; null attempts =
 * without end. */
json_t *ex_rest_strategy_settings(const struct fo_strategy_config *strategy);

/* Whether the value of a setting must not be shown (GlobalConfiguration.isSensitive). */
bool ex_rest_is_secret(const char *key);

#endif
