/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/state.h"

#include "exporter/base/clock.h"
#include "exporter/base/log.h"

/* Attempts are numbered from the wall clock on, and past all that the last daemon can have used, so
 * that a later daemon's numbers are higher. */
enum { EPOCHS_PER_MS = 1000, EPOCHS_OF_DAEMON = 1000000000 };

void ex_state_init(struct ex_state *state) {
    *state = (struct ex_state){
        .lock = {.fd = -1},
        .epoch = ex_clock_wall_ms() * EPOCHS_PER_MS,
    };
}

static void note_storage(const struct ex_state_options *options) {
    if (options->storage_path && options->keep)
        return;
    if (options->storage_path)
        ex_log(EX_LOG_WARN,
               "State is in memory: counters and jobs are lost when the daemon ends. Only files "
               "go to the storage path.",
               EX_TEXT("storage_path", options->storage_path));
    else
        ex_log_plain(EX_LOG_WARN, "State is in memory: counters and jobs are lost when the daemon "
                                  "ends. Files go to a private temporary folder; give "
                                  "--storage.path to keep them.");
}

static int read_epoch(void *ctx, const struct ex_row *row) {
    int64_t *epoch = ctx;

    *epoch = row->ints[2];
    return 0;
}

static int open_store(struct ex_state *state, const struct ex_state_options *options,
                      const struct ex_config *config, struct fo_error *reterr) {
    const struct ex_store_config store = {
        .directory = state->dir.path,
        .now_ms = ex_clock_wall_ms(),
        .retention_count = config->storage_retention_count,
        .retention_bytes = config->storage_retention_bytes,
        .retention_age_ms = config->storage_retention_age_ms,
        .changed = options->changed,
        .ctx = options->ctx,
    };
    int64_t last_epoch = 0;
    int ret = ex_store_open(&store, &state->store, reterr);

    if (ret == 0)
        ret = ex_store_read(state->store, EX_READ_DAEMON, 0, read_epoch, &last_epoch);
    if (ret == 0 && last_epoch > 0 && state->epoch < last_epoch + EPOCHS_OF_DAEMON)
        state->epoch = last_epoch + EPOCHS_OF_DAEMON;
    return ret;
}

int ex_state_open(struct ex_state *state, const struct ex_state_options *options,
                  const struct ex_config *config, struct fo_error *reterr) {
    note_storage(options);
    int ret = ex_work_dir_open(&state->dir, options->storage_path, reterr);

    if (ret < 0 || state->dir.temporary)
        return ret;
    ret = ex_lock_take(&state->lock, state->dir.path, options->standby, reterr);
    return ret == 0 && options->keep ? open_store(state, options, config, reterr) : ret;
}

void ex_state_close(struct ex_state *state) {
    state->store = ex_store_close(state->store);
}

void ex_state_free(struct ex_state *state) {
    ex_work_dir_close(&state->dir);
    ex_lock_release(&state->lock);
}
