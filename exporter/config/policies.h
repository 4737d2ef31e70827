/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/policies.h - the `policies` section: labels -> what to do, as the core takes it.
 * Owns: all texts and arrays of the policies. Threads: immutable once made; owners are counted
 * atomically, since jobs outlive the configuration that they were read with. */
#ifndef EX_CONFIG_POLICIES_H
#define EX_CONFIG_POLICIES_H

#include "exporter/config/fields.h"
#include "failover/failover.h"

enum { EX_POLICIES_MAX = 1000, EX_POLICY_VALUES_MAX = 256 };

struct ex_policies {
    struct fo_policy *items;
    uint32_t count;
    int *lines; /* of each policy */
    uint32_t owners;
};

/* Reads the list (NULL = none). Each policy is one of
 *     {match: ..., action: fail}
 *     {match: ..., action: restart, charge: true|false, delay: 5 s}
 *     {match: ..., restart-strategy: {type: ..., ...}}
 * `match` takes the labels of the catalogue; a list of values is alternatives; no match = every
 * failure. -EINVAL with key and line; -ENOMEM. */
FO_MUST_CHECK int ex_policies_read(const struct ex_tree *tree, const json_t *list,
                                   struct ex_policies **ret_policies, struct fo_error *reterr);

struct ex_policies *ex_policies_ref(struct ex_policies *policies);
struct ex_policies *ex_policies_unref(struct ex_policies *policies); /* NULL allowed; NULL back */

#endif
