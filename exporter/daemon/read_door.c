/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/read_door.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/build_info.h"
#include "exporter/base/clock.h"
#include "exporter/http/host.h"
#include "exporter/metrics/render.h"
#include "exporter/page/page.h"

enum {
    FILTERS_MAX = 64,
    LANDING_MAX_BYTES = 64 * 1024,
    LINK_MAX_BYTES = 1024,
    DEADLINE_TEXT_MAX = 32, /* bytes of a number of seconds */
    DEADLINE_MAX_S = 3600,  /* what Prometheus announces is not above that */
};

/* Of a path that a header may hold as it is. */
#define LINK_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~-"

static const double ns_per_s = 1e9;
static const double ns_per_ms = 1e6;

static const char landing_policy[] = "default-src 'none'; style-src 'unsafe-inline'";

/* ---- metrics ---- */

struct filters {
    struct fo_str names[FILTERS_MAX];
    struct fo_str collect[FILTERS_MAX];
    struct fo_str exclude[FILTERS_MAX];
};

static size_t read_filter(const struct ex_http_request *request, const char *parameter,
                          struct fo_str *ret_values) {
    size_t count = 0;

    while (count < FILTERS_MAX) {
        struct fo_str value = ex_http_request_query(request, parameter, count);
        if (!value.ptr)
            break;
        ret_values[count++] = value;
    }
    return count;
}

/* How long this scrape may take, in nanoseconds: what Prometheus announces, less the offset.
 * Without an announcement, or with one that makes no sense, there is no limit. */
static double read_budget_ns(const struct ex_read_door *door, struct ex_http_request *request) {
    struct fo_str value = ex_http_request_header(request, "X-Prometheus-Scrape-Timeout-Seconds");
    char text[DEADLINE_TEXT_MAX + 1] = {0};
    char *end;

    if (value.len == 0 || value.len > DEADLINE_TEXT_MAX)
        return INFINITY;
    memcpy(text, value.ptr, value.len);
    double seconds = strtod(text, &end);
    if (*end != '\0' || !(seconds > 0 && seconds <= DEADLINE_MAX_S))
        return INFINITY;
    return seconds * ns_per_s - (double)door->options.timeout_offset_ms * ns_per_ms;
}

const char *ex_scrape_failure_name(enum ex_scrape_failure failure) {
    static const char *const names[EX_SCRAPE_FAILURES] = {
        [EX_SCRAPE_DEADLINE] = "deadline",
        [EX_SCRAPE_SIZE] = "size",
        [EX_SCRAPE_MEMORY] = "memory",
    };

    return names[failure];
}

/* An honest failure, before the scraper's own limit makes it a mystery. */
static void fail_scrape(struct ex_read_door *door, struct ex_http_response *response,
                        enum ex_scrape_failure failure) {
    static const char *const reasons[EX_SCRAPE_FAILURES] = {
        [EX_SCRAPE_DEADLINE] = "the announced scrape timeout, less --web.timeout-offset, is over",
        [EX_SCRAPE_SIZE] = "it is over --web.max-response-bytes",
        [EX_SCRAPE_MEMORY] = "out of memory",
    };

    atomic_fetch_add(&door->scrapes.failures[failure], 1);
    ex_http_response_error(response, 503, "the page cannot be rendered: %s", reasons[failure]);
}

static void release_body(void *ctx) {
    ex_body_unref(ctx);
}

static void send_body(struct ex_http_response *response, struct ex_body *body,
                      const struct ex_negotiated *negotiated) {
    const char *encoding = ex_encoding_name(ex_body_encoding(body));
    size_t count;
    const struct fo_str *parts = ex_body_parts(body, &count);

    ex_http_response_header(response, "Content-Type", ex_format_content_type(negotiated));
    ex_http_response_header(response, "Vary", "Accept, Accept-Encoding");
    if (encoding)
        ex_http_response_header(response, "Content-Encoding", encoding);
    ex_http_response_pieces(response, parts, count, release_body, body);
}

/* Renders within the time that the scraper has. */
static void answer_page(struct ex_read_door *door, const struct ex_render_request *wanted,
                        const struct ex_negotiated *negotiated, double budget_ns,
                        struct ex_http_response *response) {
    uint64_t began_ns = ex_clock_ns();
    struct ex_body *body;

    if (budget_ns <= 0) {
        fail_scrape(door, response, EX_SCRAPE_DEADLINE);
        return;
    }
    int ret = ex_metrics_render(door->metrics, wanted, &body);
    if (ret < 0) {
        fail_scrape(door, response, ret == -EMSGSIZE ? EX_SCRAPE_SIZE : EX_SCRAPE_MEMORY);
        return;
    }
    uint64_t took_ns = ex_clock_ns() - began_ns;
    if ((double)took_ns > budget_ns) {
        ex_body_unref(body);
        fail_scrape(door, response, EX_SCRAPE_DEADLINE);
        return;
    }
    atomic_store(&door->scrapes.last_render_ns, took_ns);
    atomic_store(&door->scrapes.last_bytes, ex_body_size(body));
    send_body(response, body, negotiated);
}

static void answer_metrics(void *ctx, struct ex_http_request *request,
                           struct ex_http_response *response) {
    struct ex_read_door *door = ctx;
    struct filters filters;
    struct ex_negotiated negotiated =
        ex_format_negotiate(ex_http_request_header(request, "Accept"));
    struct ex_render_request wanted = {
        .format = negotiated.format,
        .escaping = negotiated.escaping,
        .encoding = ex_encoding_negotiate(ex_http_request_header(request, "Accept-Encoding")),
        .created_lines = door->options.created_lines,
        .max_bytes = door->options.max_response_bytes,
        .names = filters.names,
        .name_count = read_filter(request, "name[]", filters.names),
        .collect = filters.collect,
        .collect_count = read_filter(request, "collect[]", filters.collect),
        .exclude = filters.exclude,
        .exclude_count = read_filter(request, "exclude[]", filters.exclude),
    };

    if (wanted.collect_count > 0 && wanted.exclude_count > 0) {
        ex_http_response_error(response, 400, "collect[] and exclude[] exclude each other");
        return;
    }
    answer_page(door, &wanted, &negotiated, read_budget_ns(door, request), response);
}

/* ---- health ---- */

static void send_text(struct ex_http_response *response, int status, const char *text) {
    ex_http_response_status(response, status);
    ex_http_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    ex_http_response_copy(response, fo_str_of(text));
}

static void answer_healthy(void *ctx, struct ex_http_request *request,
                           struct ex_http_response *response) {
    (void)ctx;
    (void)request;
    send_text(response, 200, "failover_exporter is healthy.\n");
}

static void answer_ready(void *ctx, struct ex_http_request *request,
                         struct ex_http_response *response) {
    struct ex_read_door *door = ctx;

    (void)request;
    if (atomic_load(&door->ready) && !atomic_load(&door->cannot_store))
        send_text(response, 200, "failover_exporter is ready.\n");
    else
        send_text(response, 503,
                  "failover_exporter is starting, shutting down, or cannot write its state.\n");
}

/* ---- the page for people ---- */

/* As it may stand in an attribute. */
static void append_escaped(struct ex_buffer *out, const char *text) {
    for (; *text; text++) {
        if (strchr("&<>\"'", *text))
            ex_buffer_printf(out, "&#%d;", *text);
        else
            ex_buffer_append_char(out, *text);
    }
}

/* Its link is relative, so that it holds behind any proxy. */
static int make_landing(struct ex_read_door *door) {
    struct ex_buffer *page = &door->landing;

    ex_buffer_init(page, LANDING_MAX_BYTES);
    ex_buffer_append_text(
        page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
              "<title>failover_exporter</title>"
              "<style>body{font-family:sans-serif;margin:2em}</style></head>"
              "<body><h1>failover_exporter</h1><p>Prometheus exporter with failure listeners and "
              "an embedded job-failover core, version ");
    append_escaped(page, ex_build_info()->version);
    ex_buffer_append_text(page, ".</p><p><a href=\".");
    append_escaped(page, door->options.telemetry_path);
    ex_buffer_append_text(page,
                          "\">Metrics</a></p><p>The status of the jobs is shown to clients of the "
                          "same machine and to users who log in.</p></body></html>\n");
    return page->failure;
}

/* The status page shows what the REST API says, so it is for those who may read that. */
static bool may_read(const struct ex_http_request *request) {
    return ex_http_request_peer(request)->roles != 0;
}

static void answer_landing(const struct ex_read_door *door, struct ex_http_response *response) {
    ex_http_response_header(response, "Content-Type", "text/html; charset=utf-8");
    ex_http_response_header(response, "Content-Security-Policy", landing_policy);
    ex_http_response_borrow(response, ex_buffer_str(&door->landing), NULL, NULL);
}

/* The status page is a constant; where the metrics are it reads from this header. */
static void link_metrics(const struct ex_read_door *door, struct ex_http_response *response) {
    const char *path = door->options.telemetry_path;
    char link[LINK_MAX_BYTES];
    size_t plain = strspn(path, LINK_BYTES);

    if (path[plain] == '\0' &&
        snprintf(link, sizeof link, "<.%s>; rel=\"metrics\"", path) < (int)sizeof link)
        ex_http_response_header(response, "Link", link);
}

static void refuse(const struct ex_http_request *request, struct ex_http_response *response) {
    const char *reason = ex_http_request_withheld(request);

    ex_http_response_error(response, 403, "%s",
                           reason ? reason : "The status page is not for everybody.");
}

static void answer_root(void *ctx, struct ex_http_request *request,
                        struct ex_http_response *response) {
    if (may_read(request)) {
        ex_page_answer(request, response);
        link_metrics(ctx, response);
    } else if (ex_http_request_withheld(request)) {
        refuse(request, response);
    } else {
        answer_landing(ctx, response);
    }
}

static void answer_page_file(void *ctx, struct ex_http_request *request,
                             struct ex_http_response *response) {
    (void)ctx;
    if (may_read(request))
        ex_page_answer_file(request, response);
    else
        refuse(request, response);
}

/* ---- who may read ---- */

/* The addresses that it listens on are names of the door, and those that it was told. */
static bool is_known_host(const struct ex_read_door_options *options, struct fo_str header) {
    return ex_http_host_is_known(header, options->addresses, options->address_count) ||
           ex_http_host_is_known(header, &options->external_url, 1) ||
           ex_http_host_is_known(header, options->allowed_hosts, options->allowed_host_count);
}

/* Where everybody may read, a Host has nothing to prove, unless names were given for it. */
static unsigned authorize(void *ctx, struct ex_http_request *request,
                          const struct ex_http_peer *peer) {
    const struct ex_read_door_options *options = &((const struct ex_read_door *)ctx)->options;
    bool proven = peer->local_socket || peer->certified || peer->user.len > 0;
    bool open = options->public_status && options->allowed_host_count == 0;
    unsigned roles = ex_http_authorize_default(ctx, request, peer) |
                     (options->public_status ? EX_HTTP_ROLE_READ : 0u);

    if (roles == 0 || proven || open ||
        is_known_host(options, ex_http_request_header(request, "Host")))
        return roles;
    ex_http_request_withhold(
        request, "The Host of this request is not a name of this server. If it should be, give it "
                 "to --web.allowed-hosts; an address and localhost are always good.");
    return 0;
}

/* ---- the door ---- */

size_t ex_read_door_routes(struct ex_read_door *door, struct ex_http_route *routes) {
    const struct {
        const char *pattern;
        ex_http_handler *handler;
    } own[EX_READ_DOOR_ROUTES] = {
        {door->options.telemetry_path, answer_metrics},
        {"/-/healthy", answer_healthy},
        {"/-/ready", answer_ready},
        {"/healthz", answer_healthy}, /* as Kubernetes has them */
        {"/livez", answer_healthy},
        {"/readyz", answer_ready},
        {"/", answer_root},
        {EX_PAGE_FILES_PATTERN, answer_page_file},
    };

    for (size_t i = 0; i < EX_READ_DOOR_ROUTES; i++)
        routes[i] = (struct ex_http_route){.pattern = own[i].pattern,
                                           .methods = EX_HTTP_GET,
                                           .handler = own[i].handler,
                                           .ctx = door};
    return EX_READ_DOOR_ROUTES;
}

static int start(struct ex_read_door *door, const char *const *addresses, size_t address_count,
                 struct fo_error *reterr) {
    struct ex_http_route routes[EX_READ_DOOR_ROUTES + EX_REST_ROUTES_MAX];
    size_t count = ex_read_door_routes(door, routes);
    const struct ex_http_config config = {
        .name = "read",
        .addresses = addresses,
        .address_count = address_count,
        .descriptors = door->options.descriptors,
        .descriptor_count = door->options.descriptor_count,
        .prefix = door->options.prefix,
        .web_config_path = door->options.web_config_path,
        .max_requests = door->options.max_requests,
        .authorize = authorize,
        .authorize_ctx = door,
    };

    count += ex_rest_read_routes(door->rest, EX_HTTP_ROLE_READ, routes + count);
    return ex_http_start(&config, routes, count, &door->server, reterr);
}

int ex_read_door_open(struct ex_read_door *door, const struct ex_read_door_options *options,
                      struct ex_metrics *metrics, struct ex_rest *rest, struct fo_error *reterr) {
    static const char *const any_port[] = {"127.0.0.1:0"};

    door->options = *options;
    door->metrics = metrics;
    door->rest = rest;
    int ret = make_landing(door);
    if (ret == 0)
        ret = start(door, options->addresses, options->address_count, reterr);
    if (ret == -EADDRINUSE && options->any_port)
        ret = start(door, any_port, 1, reterr);
    return ret;
}

void ex_read_door_close(struct ex_read_door *door, uint64_t drain_ms) {
    door->server = ex_http_stop(door->server, drain_ms);
    ex_buffer_done(&door->landing);
}
