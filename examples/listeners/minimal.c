/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest listener: says whose shift a failure fell into. One label, `shift`. */
#include <stdlib.h>

#include "failover/listener.h"

struct minimal {
    const struct fl_host *host;
};

static int32_t minimal_create(const struct fl_host *host, struct fo_str config_json,
                              void **ret_self, char *err, uint32_t err_size) {
    struct minimal *self = malloc(sizeof *self);

    (void)config_json;
    (void)err;
    (void)err_size;
    if (!self)
        return FL_ERROR;
    self->host = host;
    *ret_self = self;
    return FL_OK;
}

static int32_t minimal_on_failure(void *self, const struct fl_failure *failure,
                                  uint64_t completion) {
    const struct fl_host *host = ((struct minimal *)self)->host;
    int64_t hour = failure->time_ms / 3600000 % 24;
    const struct fo_label label = {fo_str_of("shift"),
                                   fo_str_of(hour >= 6 && hour < 18 ? "day" : "night")};

    host->complete(host->ctx, completion, &label, 1);
    return FL_OK;
}

static const char *const keys[] = {"shift"};

FL_EXPORT const struct fl_listener fl_listener_entry = {
    .size = sizeof fl_listener_entry,
    .abi = FL_ABI,
    .name = "minimal",
    .version = "1.0",
    .output_keys = keys,
    .output_key_count = 1,
    .create = minimal_create,
    .on_failure = minimal_on_failure,
    .destroy = free,
};
