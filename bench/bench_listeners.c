/* SPDX-License-Identifier: Apache-2.0 */
/* bench_listeners: verdicts of the catalogue, decisions with labels, the way to a listener child
 * and back. Prints `figure value unit` lines, medians where nothing else is said. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/listeners.h"
#include "exporter/base/log.h"

static int compare(const void *a, const void *b) {
    const double *left = a;
    const double *right = b;
    return (*left > *right) - (*left < *right);
}

void bench_print_share(const char *figure, double *values, size_t count, double share,
                       const char *unit) {
    qsort(values, count, sizeof *values, compare);
    (void)printf("%s %.3f %s\n", figure, values[(size_t)((double)count * share)], unit);
}

void bench_print_median(const char *figure, double *values, size_t count, const char *unit) {
    bench_print_share(figure, values, count, 0.5, unit);
}

int main(void) {
    const struct catalogue_source builtin = {.root = NULL};
    struct catalogue *catalogue = NULL;
    struct fo_error error;

    ex_log_configure(EX_LOG_ERROR, EX_LOG_LOGFMT);
    int r = catalogue_new(&builtin, 1, NULL, &catalogue, &error);
    if (r == 0)
        r = bench_catalogue(catalogue);
    if (r == 0)
        r = bench_decision(catalogue);
    if (r == 0)
        r = bench_plugin(catalogue);
    (void)catalogue_free(catalogue);
    return r == 0 ? 0 : 1;
}
