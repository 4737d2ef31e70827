/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/classify_show.h - one verdict, for people and as JSON.
 * Threads: [main]. */
#ifndef EX_CLI_CLASSIFY_SHOW_H
#define EX_CLI_CLASSIFY_SHOW_H

#include <stdio.h>

#include "listeners/catalogue/catalogue.h"

/* Both: 0, or -EIO, -ENOMEM. */
FO_MUST_CHECK int ex_classify_show_text(const struct catalogue_verdict *verdict, FILE *out);
FO_MUST_CHECK int ex_classify_show_json(const struct catalogue *catalogue,
                                        const struct catalogue_verdict *verdict, FILE *out);

#endif
