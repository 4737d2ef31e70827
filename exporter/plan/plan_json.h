/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/plan/plan_json.h - what-if in JSON: for `plan --json` and for the REST API. Results are
 * new references. Owns: nothing. Threads: any. */
#ifndef EX_PLAN_PLAN_JSON_H
#define EX_PLAN_PLAN_JSON_H

#include <jansson.h>

#include "exporter/plan/plan.h"

/* [["vertex[0]", ...], ...] */
json_t *ex_plan_regions_json(const struct fo_graph *graph);

/* {"at_ms","failed","action","restart":[],"delay_ms","budget_left"}; null: a global failure, an
 * unlimited budget. */
json_t *ex_plan_decision_json(const struct fo_graph *graph,
                              const struct ex_plan_decision *decision);

#endif
