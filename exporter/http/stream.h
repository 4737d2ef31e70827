/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/stream.h - what the server does to a stream. */
#ifndef EX_HTTP_STREAM_H
#define EX_HTTP_STREAM_H

#include <stdbool.h>
#include <stdint.h>

struct ex_http_stream;

/* Sends the keep-alive into silence. True: the reader has taken nothing for `write_ms`, or was too
 * slow before; its connection must end. */
bool ex_http_stream_tick(struct ex_http_stream *stream, int64_t now_ms, int64_t write_ms);

/* What is queued goes out, then the end of the answer; nobody need push or close for that. */
void ex_http_stream_end(struct ex_http_stream *stream);

struct ex_http_stream *ex_http_stream_ref(struct ex_http_stream *stream);
void ex_http_stream_unref(struct ex_http_stream *stream);

#endif
