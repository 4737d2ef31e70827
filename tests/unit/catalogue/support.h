/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/catalogue/support.h - catalogues made of a text, for the tests of the categoriser. */
#ifndef TESTS_CATALOGUE_SUPPORT_H
#define TESTS_CATALOGUE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "listeners/catalogue/catalogue.h"

/* Makes a catalogue of a rule file's text alone, which errors call "user.yaml". */
int try_rules(const char *yaml, const struct catalogue_options *options,
              struct catalogue **ret_catalogue, struct fo_error *reterr);

/* A catalogue with a scratch; the test fails when the rules are refused. NULL: the built-in ones.
 */
struct bench {
    struct catalogue *catalogue;
    struct catalogue_scratch *scratch;
    struct catalogue_verdict verdict;
};
void bench_init(struct bench *bench, const char *yaml, const struct catalogue_options *options);
void bench_done(struct bench *bench);

/* Judges, and returns the id of the rule that decided, "" for none. */
const char *judge(struct bench *bench, const struct catalogue_input *input);
const char *judge_output(struct bench *bench, const char *output);

/* Writes a text over what is there, without a NUL. */
void put_text(char *at, const char *text);

void assert_str(struct fo_str text, const char *expected);

#endif
