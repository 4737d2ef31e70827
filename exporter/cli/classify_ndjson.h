/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/classify_ndjson.h - `classify --ndjson`: a failure per line in, its labels per line
 * out, in the same order.
 * Threads: [main]. */
#ifndef EX_CLI_CLASSIFY_NDJSON_H
#define EX_CLI_CLASSIFY_NDJSON_H

#include <stdio.h>

#include "listeners/catalogue/catalogue.h"

/* A line that is longer is an error of that line; nothing longer is ever held. */
#define EX_CLASSIFY_LINE_MAX_BYTES ((size_t)128 << 20)

/* Answers every line of the descriptor on `out`, which is flushed before each wait. Returns how
 * many lines were bad, or a negative errno of reading or writing. */
FO_MUST_CHECK int ex_classify_ndjson(const struct catalogue *catalogue,
                                     struct catalogue_scratch *scratch, int fd, FILE *out);

#endif
