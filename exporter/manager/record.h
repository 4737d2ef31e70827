/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/record.h - what the job manager keeps, as bytes for the store and back. Numbers
 * are little-endian, the same on every machine.
 * Owns: nothing. Threads: none. */
#ifndef EX_MANAGER_RECORD_H
#define EX_MANAGER_RECORD_H

#include "exporter/base/buffer.h"
#include "exporter/manager/failure.h"
#include "exporter/store/rows.h"

struct ex_job;

/* Labels with all their texts. Unpacking is bounded and believes nothing; texts are borrowed. */
void ex_labels_pack(struct ex_buffer *out, const struct fo_label *labels, uint32_t count);
uint32_t ex_labels_unpack(struct fo_str packed, struct fo_label ret_labels[EX_BANK_LABELS_MAX]);

/* What the manager knows of a range of tasks beside the core: when they came where they are, the
 * highest number reported. -EINVAL: not what was packed for so many tasks. */
void ex_task_facts_pack(struct ex_buffer *out, const struct ex_job *job,
                        struct fo_task_range range);
FO_MUST_CHECK int ex_task_facts_unpack(struct ex_job *job, struct fo_task_range range,
                                       struct fo_str packed);

/* A failure as a row of EX_WRITE_FAILURE, its labels being those that it came with until the final
 * ones are known; `record` is its event record, `runs` and `labels` are
 * filled and must live as long as the row. */
void ex_failure_to_row(const struct ex_failure *failure, uint64_t job, struct fo_str record,
                       struct ex_buffer *labels, struct ex_buffer *runs, struct ex_row *ret_row);
/* -EINVAL: no failure; -ENOMEM. */
FO_MUST_CHECK int ex_failure_from_row(const struct ex_row *row, struct ex_failure **ret_failure);

#endif
