/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/number.h - numbers as text: the shortest that reads back as the same double.
 * Owns: nothing. Threads: any. */
#ifndef EX_METRICS_NUMBER_H
#define EX_METRICS_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum { EX_NUMBER_MAX_BYTES = 32 };

/* Write the text of a number, not terminated; return its length. */
size_t ex_number_print_u64(char out[EX_NUMBER_MAX_BYTES], uint64_t value);
size_t ex_number_print_double(char out[EX_NUMBER_MAX_BYTES], double value);

/* Milliseconds as decimal seconds: 1500 is 1.5. */
size_t ex_number_print_seconds(char out[EX_NUMBER_MAX_BYTES], int64_t ms);

/* The canonical form of a bucket bound, the same in each text format: 0.1, 1.0, 1e+06, +Inf. */
size_t ex_number_print_bound(char out[EX_NUMBER_MAX_BYTES], double bound);

#endif
