/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/log_ration.h"

bool ex_log_ration_take(struct ex_log_ration *ration, int64_t now_ms, uint64_t *ret_held_back) {
    *ret_held_back = 0;
    if (now_ms >= ration->ends_ms) {
        *ret_held_back = ex_log_ration_end(ration);
        ration->ends_ms = now_ms + EX_LOG_RATION_PERIOD_MS;
    }
    if (ration->written < EX_LOG_RATION_LINES) {
        ration->written++;
        return true;
    }
    ration->held_back++;
    return false;
}

uint64_t ex_log_ration_end(struct ex_log_ration *ration) {
    uint64_t held_back = ration->held_back;

    *ration = (struct ex_log_ration){0};
    return held_back;
}
