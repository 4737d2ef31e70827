/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/read_door.h - the door that changes nothing: metrics, health, the status page and
 * the read half of the REST API.
 * Who comes from this machine may read all of it, and so could a web page in a browser here whose
 * name was made to lead to us: without a password or certificate the Host must be a name of ours.
 * Handlers run on the HTTP server's threads and read finished snapshots only; the job manager never
 * waits for them. Owns: the server. Threads: [main] unless said otherwise. */
#ifndef EX_DAEMON_READ_DOOR_H
#define EX_DAEMON_READ_DOOR_H

#include <stdatomic.h>

#include "exporter/base/buffer.h"
#include "exporter/http/http.h"
#include "exporter/metrics/metrics.h"
#include "exporter/rest/rest.h"

enum { EX_READ_DOOR_ROUTES = 8 }; /* beside those of the REST API */

struct ex_read_door_options {
    const char *const *addresses;
    size_t address_count;
    const int *descriptors; /* listening sockets from outside; taken by ex_read_door_open() */
    size_t descriptor_count;
    bool any_port;              /* when an address is in use, take a free port on loopback */
    const char *telemetry_path; /* "/metrics" */
    const char *prefix;         /* of ex_http_prefix_of(); all routes are below it. NULL = none */
    const char *external_url;   /* its host is a name of ours; NULL = none */
    const char *const *allowed_hosts; /* more such names; lists with commas */
    size_t allowed_host_count;
    const char *web_config_path;
    unsigned max_requests;
    size_t max_response_bytes; /* of a page of metrics as sent; 0 = no limit */
    int64_t timeout_offset_ms; /* taken off the scrape deadline that Prometheus announces */
    bool created_lines;
    bool public_status; /* the REST API is for everybody, not only for loopback and users */
};

/* Why a scrape got 503 instead of a page. */
enum ex_scrape_failure {
    EX_SCRAPE_DEADLINE, /* the announced deadline had passed, or would have */
    EX_SCRAPE_SIZE,     /* the page is over max_response_bytes */
    EX_SCRAPE_MEMORY,
    EX_SCRAPE_FAILURES
};
/* "deadline", "size", "memory": the label of a failure. */
const char *ex_scrape_failure_name(enum ex_scrape_failure failure);

/* Of the page of metrics, for the daemon's own figures. [any] */
struct ex_scrape_counters {
    _Atomic uint64_t failures[EX_SCRAPE_FAILURES];
    _Atomic uint64_t last_render_ns; /* of the last page that was sent; 0 = none was */
    _Atomic uint64_t last_bytes;
};

struct ex_read_door {
    struct ex_http_server *server;
    struct ex_metrics *metrics; /* borrowed */
    struct ex_rest *rest;       /* borrowed */
    struct ex_read_door_options options;
    struct ex_scrape_counters scrapes;
    atomic_bool cannot_store; /* state cannot be written: not ready either */
    struct ex_buffer landing; /* the page at "/" */
    atomic_bool ready;        /* [any] whether /-/ready answers 200 */
};

/* 0, or what ex_http_start() says. */
FO_MUST_CHECK int ex_read_door_open(struct ex_read_door *door,
                                    const struct ex_read_door_options *options,
                                    struct ex_metrics *metrics, struct ex_rest *rest,
                                    struct fo_error *reterr);

/* Writes the routes that are the door's own, metrics, health and page, for the other door to serve
 * as well; returns their count, EX_READ_DOOR_ROUTES. The options must have been set. */
size_t ex_read_door_routes(struct ex_read_door *door, struct ex_http_route *routes);

/* Lets running requests finish for up to `drain_ms`. A door that was never opened is fine. */
void ex_read_door_close(struct ex_read_door *door, uint64_t drain_ms);

#endif
