/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/engine_rooms.h - starts the engines of a daemon: the one for this machine, those
 * for outside schedulers, those for clusters.
 * Owns: the engines, and what those of one kind share. Threads: [main]. */
#ifndef EX_DAEMON_ENGINE_ROOMS_H
#define EX_DAEMON_ENGINE_ROOMS_H

#include "exporter/config/config.h"
#include "exporter/daemon/self_metrics.h"
#include "exporter/daemon/work_dir.h"
#include "exporter/engines/engine.h"
#include "exporter/manager/manager.h"

/* The name, and the kind, of jobs that outside schedulers run. */
extern const char ex_push_name[];

struct ex_engine_rooms {
    struct ex_engines all;
    struct ex_push *push; /* what the engines of that kind share; ends with the last of them */
    struct ex_flink_families *flink_families;
};

/* What engines are started with; borrowed as long as they run. */
struct ex_engine_needs {
    uv_loop_t *loop;
    const struct ex_config *config;
    struct ex_metrics *metrics;
    struct ex_self_metrics *self;
    struct ex_manager *manager;
    struct ex_spawner *spawner;         /* of the local engine */
    const struct ex_work_dir *work_dir; /* of the local engine */
    int64_t epoch;                      /* of the first attempt */
};

/* Each: 0, -ENOMEM, or what the engine was refused for, in `reterr`; what was started by then is in
 * `rooms` all the same. */
FO_MUST_CHECK int ex_engine_rooms_start_local(struct ex_engine_rooms *rooms,
                                              const struct ex_engine_needs *needs,
                                              struct fo_error *reterr);
FO_MUST_CHECK int ex_engine_rooms_start_push(struct ex_engine_rooms *rooms,
                                             const struct ex_engine_needs *needs,
                                             struct fo_error *reterr);
FO_MUST_CHECK int ex_engine_rooms_start_flink(struct ex_engine_rooms *rooms,
                                              const struct ex_engine_needs *needs,
                                              struct fo_error *reterr);

/* Ends the engines, the last one first. The loop must run once more before ex_engine_rooms_free().
 */
void ex_engine_rooms_close(struct ex_engine_rooms *rooms);
void ex_engine_rooms_free(struct ex_engine_rooms *rooms);

#endif
