/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/service.h"

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

enum { US_PER_MS = 1000 };

int ex_service_sockets(int ret_sockets[EX_SERVICE_SOCKETS_MAX], size_t *ret_count,
                       struct fo_error *reterr) {
    int count = sd_listen_fds(1);
    int code = count < 0 ? count : count == 0 ? -ENOENT : -E2BIG;

    if (count > 0 && count <= EX_SERVICE_SOCKETS_MAX) {
        for (int i = 0; i < count; i++)
            ret_sockets[i] = SD_LISTEN_FDS_START + i;
        *ret_count = (size_t)count;
        return 0;
    }
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text,
                   "--web.systemd-socket: %d sockets were handed over; 1 to %d are expected",
                   count < 0 ? 0 : count, EX_SERVICE_SOCKETS_MAX);
    return code;
}

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
