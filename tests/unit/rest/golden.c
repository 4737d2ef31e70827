/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/rest/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exporter/config/job_file.h"

struct ex_job_spec *golden_spec;

int golden_parse(const char *job_text) {
    struct fo_error error;

    return ex_job_parse(fo_str_of(job_text), NULL, NULL, &golden_spec, &error);
}

int golden_teardown(void **state) {
    (void)state;
    golden_spec = ex_job_spec_unref(golden_spec);
    return 0;
}

void golden_assert_json(json_t *json, const char *expected) {
    char *text = json_dumps(json, JSON_COMPACT);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}
