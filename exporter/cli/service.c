/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/service.h"

#include <systemd/sd-daemon.h>

enum { US_PER_MS = 1000 };

static void on_watchdog(uv_timer_t *timer) {
    (void)timer;
    (void)sd_notify(0, "WATCHDOG=1");
}

void ex_service_ready(struct ex_service *service, uv_loop_t *loop) {
    uint64_t period_us;

    (void)sd_notify(0, "READY=1");
    if (sd_watchdog_enabled(0, &period_us) <= 0)
        return;
    (void)uv_timer_init(loop, &service->watchdog);
    (void)uv_timer_start(&service->watchdog, on_watchdog, 0, period_us / US_PER_MS / 2);
    service->watched = 1;
}

void ex_service_stopping(struct ex_service *service) {
    (void)sd_notify(0, "STOPPING=1");
    if (service->watched)
        uv_close((uv_handle_t *)&service->watchdog, NULL);
    service->watched = 0;
}
