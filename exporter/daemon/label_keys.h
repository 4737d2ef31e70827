/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/label_keys.h - the labels that numJobFailure has: the exported keys of the
 * listeners, and those that engines pass on from their clusters.
 * Owns: the array and the texts of engines. Threads: [main]. */
#ifndef EX_DAEMON_LABEL_KEYS_H
#define EX_DAEMON_LABEL_KEYS_H

#include "exporter/children/bank.h"
#include "exporter/config/config.h"

struct ex_label_keys {
    struct fo_str *keys; /* those of listeners are borrowed from the bank, and come first */
    uint32_t count;
    uint32_t listener_count;
};

/* An engine's label that bears the name of another is that other. 0 or -ENOMEM. */
FO_MUST_CHECK int ex_label_keys_init(struct ex_label_keys *labels, const struct ex_bank *bank,
                                     const struct ex_config *config);
void ex_label_keys_done(struct ex_label_keys *labels);

#endif
