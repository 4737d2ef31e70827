/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/flink/ask.h - one job of a cluster, asked for once: for commands that plan.
 * Owns: nothing. Threads: the caller's; runs a loop of its own until there is an answer. */
#ifndef EX_ENGINES_FLINK_ASK_H
#define EX_ENGINES_FLINK_ASK_H

#include "exporter/config/engine_flink.h"
#include "exporter/config/job_spec.h"

/* Makes the specification of the job of this id or name (of several, the newest that has not ended)
 * at the JobManager of `url`; `settings` say how to ask. -ENOENT: no such job; -EINVAL: not an
 * address, or no answer that can be used; -EIO; -ENOMEM; all with `reterr`. */
FO_MUST_CHECK int ex_flink_ask(const char *url, const char *job,
                               const struct ex_flink_settings *settings,
                               struct ex_job_spec **ret_spec, struct fo_error *reterr);

#endif
