/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/service.h - what a service manager is told (sd_notify): ready, stopping, and that
 * the loop still turns. Without a service manager nothing happens. Threads: [main]. */
#ifndef EX_CLI_SERVICE_H
#define EX_CLI_SERVICE_H

#include <uv.h>

#include "failover/types.h"

enum { EX_SERVICE_SOCKETS_MAX = 64 };

struct ex_service {
    uv_timer_t watchdog; /* only with WatchdogSec= */
    int watched;         /* the timer runs */
};

/* The listening sockets that systemd hands over (LISTEN_FDS), which the caller owns; to be called
 * once, before anything is opened. -ENOENT: none is, or they are for another process; -E2BIG: more
 * than EX_SERVICE_SOCKETS_MAX. */
FO_MUST_CHECK int ex_service_sockets(int ret_sockets[EX_SERVICE_SOCKETS_MAX], size_t *ret_count,
                                     struct fo_error *reterr);

/* READY=1; and WATCHDOG=1 from now on, twice as often as is asked for. */
void ex_service_ready(struct ex_service *service, uv_loop_t *loop);

/* STOPPING=1; the watchdog is served no longer, for the end has its own time limit. */
void ex_service_stopping(struct ex_service *service);

#endif
