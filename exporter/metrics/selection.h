/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/selection.h - which families stand on the page: lists of names that allow and
 * deny. Owns: copies of the lists. Threads: none, the caller serialises. */
#ifndef EX_METRICS_SELECTION_H
#define EX_METRICS_SELECTION_H

#include <stdbool.h>

#include "failover/types.h"

struct ex_selection {
    char *allow; /* owned; NULL = everything */
    char *deny;  /* owned; NULL = nothing */
};

/* Names parted by commas, semicolons or blanks, with or without suffix; * stands for any run of
 * characters. -EINVAL: something else is in a list. -ENOMEM. On an error nothing changes. */
FO_MUST_CHECK int ex_selection_set(struct ex_selection *selection, struct fo_str allow,
                                   struct fo_str deny, struct fo_error *reterr);

/* Whether a family is shown that goes by these names. */
bool ex_selection_shows(const struct ex_selection *selection, struct fo_str name,
                        struct fo_str sample_name);

/* The next word of a list; false at its end. */
bool ex_selection_next(struct fo_str *rest, struct fo_str *ret_pattern);
bool ex_selection_matches(struct fo_str pattern, struct fo_str name);

void ex_selection_done(struct ex_selection *selection);

#endif
