/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/limits.h - every limit of the HTTP room, with its unit. docs/limits.md repeats
 * them. What an outsider can make grow is bounded by one of these. */
#ifndef EX_HTTP_LIMITS_H
#define EX_HTTP_LIMITS_H

enum {
    /* Connections of one server. At the limit the connection that has waited longest without a
     * request makes place; one that is being served never does. */
    EX_HTTP_CONNECTIONS_MAX = 512,
    /* The same for one client address (for IPv6, one /64). Unix sockets are not counted so. */
    EX_HTTP_CONNECTIONS_PER_ADDRESS_MAX = 256,
    EX_HTTP_LISTENERS_MAX = 64,
    EX_HTTP_BACKLOG = 1024, /* the kernel's queue of connections not yet accepted */
    EX_HTTP_THREADS = 2,    /* epoll threads of one server, when the configuration names none */
    EX_HTTP_THREADS_MAX = 64,
    EX_HTTP_REQUESTS_MAX = 40, /* parallel requests; node_exporter's default */
    EX_HTTP_STREAMS_MAX = 64,  /* open streams of one server */

    /* Memory. A connection's pool holds its request line, headers and the head of the answer. */
    EX_HTTP_CONNECTION_MEMORY_BYTES = 32 * 1024,
    EX_HTTP_TARGET_MAX_BYTES = 8 * 1024, /* path and query; 414 beyond */
    EX_HTTP_PATH_SEGMENTS_MAX = 16,
    EX_HTTP_PATH_PARAMS_MAX = 4,
    EX_HTTP_QUERY_MAX = 256, /* name=value pairs in one query; 400 beyond */
    EX_HTTP_ROUTES_MAX = 256,
    EX_HTTP_RESPONSE_HEADERS_MAX = 16,       /* set by one handler */
    EX_HTTP_ERROR_MAX_BYTES = 1024,          /* text of one error */
    EX_HTTP_DRAIN_BYTES = 1024 * 1024,       /* of an unwanted body, read so that its error is */
    EX_HTTP_STREAM_QUEUE_BYTES = 256 * 1024, /* of one stream, when its options name none */

    /* Deadlines, in milliseconds. They count from the start of the phase, so that one byte a
     * second does not stretch them. They are looked at every EX_HTTP_TICK_MS. */
    EX_HTTP_TICK_MS = 250,
    EX_HTTP_HEADER_MS = 5 * 1000,     /* from accept, or from a request's first byte, to its end */
    EX_HTTP_BODY_MS = 30 * 1000,      /* from the end of the header to the end of the body */
    EX_HTTP_WRITE_MS = 60 * 1000,     /* from the answer's first byte to its last */
    EX_HTTP_SLOW_WRITE_MS = 5 * 1000, /* a write this old makes place when requests are refused */
    EX_HTTP_IDLE_MS = 5 * 60 * 1000,  /* between two requests of a connection */
    EX_HTTP_GRACE_MS = 250,           /* from accept, to send a request before it makes place */
    EX_HTTP_DEFER_MS = 60 * 1000,     /* for a deferred answer, when its handler names no time */
    EX_HTTP_KEEPALIVE_MS = 15 * 1000, /* silence of a stream before its keep-alive text is sent */
    EX_HTTP_WARNING_MS = 60 * 1000,   /* between two log lines that say the same */
    EX_HTTP_ACCEPT_PAUSE_MS = 100,    /* after the process ran out of descriptors */

    /* The web configuration file. */
    EX_HTTP_WEB_CONFIG_MAX_BYTES = 1024 * 1024,
    EX_HTTP_PEM_MAX_BYTES = 1024 * 1024,
    EX_HTTP_WEB_CONFIG_CHECK_MS = 1000, /* between two looks at its files' times and inodes */
    EX_HTTP_USERS_MAX = 1024,
    EX_HTTP_USER_MAX_BYTES = 256,
    EX_HTTP_PASSWORD_MAX_BYTES = 1024,
    EX_HTTP_AUTH_CACHE_MAX = 128, /* verdicts kept, right ones and wrong ones each */
    EX_HTTP_AUTH_QUEUE_MAX = 64,  /* passwords waiting for the one verifier; 503 beyond */
};

#endif
