/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/metrics/fixture.h - what the tests of the registry share. */
#ifndef TESTS_UNIT_METRICS_FIXTURE_H
#define TESTS_UNIT_METRICS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "exporter/base/buffer.h"
#include "exporter/metrics/metrics.h"
#include "exporter/metrics/render.h"

/* Text of a literal. */
#define STR(text_) ((struct fo_str){(text_), sizeof(text_) - 1})
#define LABEL(key_, value_) ((struct fo_label){STR(key_), STR(value_)})

struct ex_metrics *fixture_metrics(const struct ex_metrics_limits *limits);

/* Declares or fails the test. */
struct ex_family *fixture_family(struct ex_metrics *metrics, const struct ex_family_spec *spec);

/* A job's group {engine="local",job_name=name}, published. */
struct ex_group *fixture_job(struct ex_metrics *metrics, const char *name, struct ex_group *old);

/* The series with up to two values of its own. */
struct ex_series *fixture_series(struct ex_group *group, struct ex_family *family, const char *a,
                                 const char *b);

/* Renders and flattens; the buffer is the caller's. */
void fixture_render(struct ex_metrics *metrics, const struct ex_render_request *request,
                    struct ex_buffer *out);

/* The page in one format without encoding and without the registry's own families; the caller ends
 * it with free(). */
char *fixture_page(struct ex_metrics *metrics, enum ex_format format);

/* The decoded bytes of a gzip member, or of zstd frames. */
void fixture_unpack(const struct ex_buffer *packed, enum ex_encoding encoding,
                    struct ex_buffer *out);

#endif
