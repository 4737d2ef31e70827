/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/events/failure_json.h - reads a failure as the outside describes it: the object that
 * `classify --ndjson` takes by the line and reports of schedulers carry,
 * {output, exit_code, signal, runtime, platform_reason, exception, evidence[]}, all optional.
 * Owns: nothing; texts are borrowed from the tree. Threads: any. */
#ifndef EX_EVENTS_FAILURE_JSON_H
#define EX_EVENTS_FAILURE_JSON_H

#include <jansson.h>

#include "listeners/catalogue/catalogue.h"

enum { EX_FAILURE_EXCEPTIONS_MAX = 64, EX_FAILURE_WHY_SIZE = 128 };

struct ex_failure_facts {
    struct catalogue_input input; /* `exceptions` points to the array below */
    struct fo_str exceptions[EX_FAILURE_EXCEPTIONS_MAX];
    bool non_recoverable;          /* the evidence has this word as well */
    char why[EX_FAILURE_WHY_SIZE]; /* what is wrong, in words; empty: nothing */
};

/* Unknown keys are passed over, so are words of evidence that nobody knows: reporters may know
 * more. 0; -EINVAL with `why`, which names the key. Must not be copied or moved afterwards. */
FO_MUST_CHECK int ex_failure_facts_read(struct ex_failure_facts *ret_facts, const json_t *object);

#endif
