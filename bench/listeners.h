/* SPDX-License-Identifier: Apache-2.0 */
/* bench/listeners.h - the parts of bench_listeners. Each prints its figures and returns 0 or a
 * negative errno. Owns: nothing. Threads: [main]. */
#ifndef BENCH_LISTENERS_H
#define BENCH_LISTENERS_H

#include "listeners/catalogue/catalogue.h"

/* Sorts the values and prints "figure value unit" with the one at `share` of them. */
void bench_print_share(const char *figure, double *values, size_t count, double share,
                       const char *unit);
void bench_print_median(const char *figure, double *values, size_t count, const char *unit);

int bench_catalogue(const struct catalogue *catalogue);
int bench_decision(const struct catalogue *catalogue);
int bench_plugin(const struct catalogue *catalogue);

#endif
