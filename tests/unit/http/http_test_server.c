/* SPDX-License-Identifier: Apache-2.0 */
/* http_test_server ADDRESS WEB_CONFIG: serves a page until SIGTERM; SIGHUP reloads. Prints where it
 * listens, the outcome of each reload, and at the end what it counted. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "exporter/http/http.h"

static void send_page(void *ctx, struct ex_http_request *request,
                      struct ex_http_response *response) {
    static char page[100 * 1024];

    (void)ctx;
    (void)request;
    ex_http_response_header(response, "Content-Type", "text/plain");
    ex_http_response_borrow(response, (struct fo_str){page, sizeof page}, NULL, NULL);
}

static void send_user(void *ctx, struct ex_http_request *request,
                      struct ex_http_response *response) {
    const struct ex_http_peer *peer = ex_http_request_peer(request);
    char text[512];

    (void)ctx;
    (void)snprintf(text, sizeof text, "user=%.*s tls=%d certified=%d\n", (int)peer->user.len,
                   peer->user.ptr ? peer->user.ptr : "", peer->tls, peer->certified);
    ex_http_response_copy(response, fo_str_of(text));
}

static void print_counters(const struct ex_http_server *server) {
    const struct ex_http_counters *counters = ex_http_counters(server);

    for (int i = 1; i < 6; i++)
        (void)printf("responses %dxx %lu\n", i,
                     (unsigned long)atomic_load(&counters->responses[i]));
    for (enum ex_http_rejection i = 0; i < EX_HTTP_REJECTIONS; i++)
        (void)printf("rejected %s %lu\n", ex_http_rejection_name(i),
                     (unsigned long)atomic_load(&counters->rejected[i]));
    (void)printf("reloads good %lu bad %lu\n", (unsigned long)atomic_load(&counters->reloads_good),
                 (unsigned long)atomic_load(&counters->reloads_bad));
}

int main(int argc, char **argv) {
    static const struct ex_http_route routes[] = {
        {.pattern = "/page", .methods = EX_HTTP_GET, .handler = send_page},
        {.pattern = "/user", .methods = EX_HTTP_GET, .handler = send_user},
    };
    struct ex_http_server *server = NULL;
    struct fo_error error = {0};
    sigset_t signals;
    int signal_number = 0;

    if (argc != 3)
        return 2;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    const char *addresses[] = {argv[1]};
    struct ex_http_config config = {
        .name = "test", .addresses = addresses, .address_count = 1, .web_config_path = argv[2]};
    if (ex_http_start(&config, routes, 2, &server, &error) != 0) {
        (void)printf("%d: %s\n", error.line, error.text);
        return 1;
    }
    (void)printf("%s\n", ex_http_address(server, 0));
    (void)fflush(stdout);
    while (sigwait(&signals, &signal_number) == 0 && signal_number == SIGHUP) {
        int err = ex_http_reload(server, &error);
        (void)printf("reload %s\n", err == 0 ? "good" : error.text);
        (void)fflush(stdout);
    }
    print_counters(server);
    server = ex_http_stop(server, 2000);
    (void)printf("stopped\n");
    return 0;
}
