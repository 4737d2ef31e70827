/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/rest/golden.h - a job that copies are written down of, and the very text that answers
 * must be. Owns: the job. Threads: none. */
#ifndef TEST_REST_GOLDEN_H
#define TEST_REST_GOLDEN_H

#include <jansson.h>

#include "exporter/config/job_spec.h"

#define GOLDEN_JOB_ID "0123456789abcdef0123456789abcdef"

extern struct ex_job_spec *golden_spec;

/* For the setup of a group: 0, or what ex_job_parse() says. */
int golden_parse(const char *job_text);

/* The teardown of that group. */
int golden_teardown(void **state);

/* `json` is taken. */
void golden_assert_json(json_t *json, const char *expected);

#endif
