/* SPDX-License-Identifier: Apache-2.0 */
/* failover/policy.h - what labels decide before the job's restart strategy is asked.
 * Owns: copies of all texts, and a strategy for each policy. Threads: none, the caller serialises.
 */
#ifndef FAILOVER_POLICY_H
#define FAILOVER_POLICY_H

#include "failover/strategy.h"

struct fo_policies {
    struct fo_allocator allocator;
    struct fo_policy *items;        /* their matches point into the arrays below */
    struct fo_strategy *strategies; /* by policy; used by FO_POLICY_STRATEGY only */
    struct fo_match *matches;
    struct fo_str *values;
    char *bytes;
    uint32_t count;
};

/* -EINVAL: an action, delay or strategy out of range, named in `reterr`. */
FO_MUST_CHECK int fo_policies_check(const struct fo_policy *policies, uint32_t count,
                                    struct fo_error *reterr);

/* In place, of checked policies. -ENOMEM; fo_policies_done() is due in any case. */
FO_MUST_CHECK int fo_policies_init(struct fo_policies *policies, const struct fo_policy *source,
                                   uint32_t count, const struct fo_allocator *allocator);
void fo_policies_done(struct fo_policies *policies);

/* The first policy that these labels match; -1 = none. */
int32_t fo_policies_find(const struct fo_policies *policies, const struct fo_label *labels,
                         uint32_t label_count);

#endif
