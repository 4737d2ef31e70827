/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/engine_rooms.h"

#include "exporter/engines/flink/flink.h"
#include "exporter/engines/local/local.h"
#include "exporter/engines/push/push.h"

static const char local_name[] = "local";
const char ex_push_name[] = "push";

/* Of an engine that was made: it is closed with the others. */
static int add_engine(struct ex_engine_rooms *rooms, const struct ex_engine_needs *needs,
                      const struct ex_engine *engine) {
    struct ex_series *up;

    rooms->all.items[rooms->all.count++] = *engine;
    int ret = ex_self_metrics_engine(needs->self, engine->name, &up);
    if (ret == 0)
        ex_series_set(up, 1);
    return ret;
}

int ex_engine_rooms_start_local(struct ex_engine_rooms *rooms, const struct ex_engine_needs *needs,
                                struct fo_error *reterr) {
    const struct ex_engine_config *own = ex_config_engine(needs->config, fo_str_of(local_name));
    const struct ex_local_config local = {
        .loop = needs->loop,
        .spawner = needs->spawner,
        .sink = ex_manager_sink(),
        .directory = needs->work_dir->path,
        .user = own ? own->user : NULL,
        .epoch = (uint64_t)needs->epoch,
        .keep = !needs->work_dir->temporary,
        .output_dropped_bytes = &needs->self->output_dropped_bytes,
    };
    struct ex_engine engine = {.ops = ex_local_ops(), .name = local_name};
    int ret = ex_local_new(&local, &engine.self, reterr);

    return ret == 0 ? add_engine(rooms, needs, &engine) : ret;
}

/* Under the name of its kind, and under those that the configuration gives to its kind. */
int ex_engine_rooms_start_push(struct ex_engine_rooms *rooms, const struct ex_engine_needs *needs,
                               struct fo_error *reterr) {
    const struct ex_config *config = needs->config;
    const struct ex_push_config push = {
        .loop = needs->loop,
        .sink = ex_manager_sink(),
        .metrics = needs->metrics,
        .heartbeat_ms = config->heartbeat_timeout_ms,
        .retention_ms = config->metrics_retention_ms,
    };
    struct ex_engine engines[EX_ENGINES_MAX];
    unsigned count = 0;

    if (!ex_config_engine(config, fo_str_of(ex_push_name)))
        engines[count++].name = ex_push_name;
    for (uint32_t i = 0; i < config->engine_count && count < EX_ENGINES_MAX; i++) {
        if (strcmp(config->engines[i].kind, ex_push_name) == 0)
            engines[count++].name = config->engines[i].name;
    }
    if (count == 0)
        return 0;
    int ret = ex_push_new(&push, count, &rooms->push, reterr);
    if (ret < 0)
        return ret;
    for (unsigned i = 0; i < count; i++) { /* all of them: the last to be closed ends it */
        engines[i].ops = ex_push_ops();
        engines[i].self = rooms->push;
        int added = add_engine(rooms, needs, &engines[i]);
        ret = ret == 0 ? added : ret;
    }
    return ret;
}

static void on_flink_up(void *ctx, bool up) {
    ex_series_set(ctx, up ? 1 : 0);
}

static int start_flink(struct ex_engine_rooms *rooms, const struct ex_engine_needs *needs,
                       const struct ex_engine_config *own, struct fo_error *reterr) {
    struct ex_engine *engine = &rooms->all.items[rooms->all.count];
    struct ex_flink_config flink = {
        .loop = needs->loop,
        .manager = needs->manager,
        .metrics = needs->metrics,
        .engine = engine,
        .settings = own->flink,
        .folder = needs->config->folder,
        .history_size = needs->config->exception_history_size,
        .retention_ms = needs->config->metrics_retention_ms,
        .up_changed = on_flink_up,
    };
    struct ex_series *up;

    *engine = (struct ex_engine){.ops = ex_flink_ops(), .name = own->name};
    int ret = ex_self_metrics_engine(needs->self, own->name, &up);
    if (ret < 0)
        return ret;
    flink.ctx = up;
    ret = ex_flink_new(&flink, rooms->flink_families, &engine->self, reterr);
    if (ret == 0)
        rooms->all.count++;
    return ret;
}

int ex_engine_rooms_start_flink(struct ex_engine_rooms *rooms, const struct ex_engine_needs *needs,
                                struct fo_error *reterr) {
    int ret = ex_flink_families_new(needs->metrics, &rooms->flink_families, reterr);

    for (uint32_t i = 0; i < needs->config->engine_count && ret == 0; i++) {
        if (needs->config->engines[i].flink)
            ret = start_flink(rooms, needs, &needs->config->engines[i], reterr);
    }
    return ret;
}

void ex_engine_rooms_close(struct ex_engine_rooms *rooms) {
    while (rooms->all.count > 0) {
        const struct ex_engine *engine = &rooms->all.items[--rooms->all.count];
        engine->ops->close(engine->self);
    }
}

void ex_engine_rooms_free(struct ex_engine_rooms *rooms) {
    (void)ex_flink_families_free(rooms->flink_families);
}
