/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/local/local.h - the engine that runs tasks as processes of this machine.
 * Every file of it lies below one folder:
 *     jobs/<job id>/<from>-<to>/<producer index>.<attempt>/<consumer index>   blocking partitions
 *     jobs/<job id>/logs/<vertex>.<index>.<attempt>.log (.1, .2)              output
 *     jobs/<job id>/state/<vertex>.<index>/                                   FAILOVER_STATE_DIR
 *     notify/                                                                 sockets
 *     trash/                                                                  being removed
 * The owner must not call the engine from within a report.
 * Threads: [main] everything here; one thread of its own moves output to the logs. */
#ifndef EX_ENGINES_LOCAL_H
#define EX_ENGINES_LOCAL_H

#include <uv.h>

#include <stdatomic.h>

#include "exporter/engines/engine.h"
#include "exporter/spawn/client.h"

/* Output kept of one attempt: its beginning, and two pieces of its newest part. */
#define EX_LOCAL_LOG_PIECE_BYTES (UINT64_C(4) * 1024 * 1024)
/* Attempts of a task whose logs are kept. */
#define EX_LOCAL_LOGS_KEPT 8u

struct ex_local_config {
    uv_loop_t *loop;                   /* borrowed, until close() and one more turn of the loop */
    struct ex_spawner *spawner;        /* borrowed, until close() */
    const struct ex_engine_sink *sink; /* borrowed, until close() */
    const char *directory; /* copied; absolute, exists, is ours. With `user`, others are let pass
                              through it (mode 0711), or a task could not reach its own files */
    const char *user;      /* name of the user that tasks run as; NULL = ours */
    uint64_t epoch;        /* FAILOVER_EPOCH of the first attempt, rising by 1 with each; above all
                              that were ever given to a job of this directory */
    bool keep;             /* leave logs and state where they are when a job is closed */
    /* Borrowed, until close() and one more turn; rises by the bytes of output that no log took. */
    atomic_uint_fast64_t *output_dropped_bytes;
};

const struct ex_engine_ops *ex_local_ops(void);

/* Makes the `self` of an ex_engine with these ops. 0, or a negative errno with `reterr`. */
FO_MUST_CHECK int ex_local_new(const struct ex_local_config *config, void **ret_self,
                               struct fo_error *reterr);

#endif
