/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/negotiate.h - which format and which encoding a client gets.
 * Pure functions over header text, which may be anything: what cannot be read is ignored, what is
 * beyond the limits is not looked at, and there is always an answer. Nothing of the request's text
 * comes back in it.
 * Owns: nothing. Threads: any. */
#ifndef EX_METRICS_NEGOTIATE_H
#define EX_METRICS_NEGOTIATE_H

#include <stdbool.h>

#include "failover/types.h"

enum { EX_ACCEPT_MAX_BYTES = 4096, EX_ACCEPT_MAX_RANGES = 32 };

enum ex_format { EX_TEXT_0_0_4, EX_TEXT_1_0_0, EX_OPENMETRICS, EX_PROTOBUF };

/* How names outside the old character set are written. All our names are inside it, so that only
 * `dots` changes a page: it doubles underscores. */
enum ex_escaping { EX_UNDERSCORES, EX_ALLOW_UTF8, EX_DOTS, EX_VALUES };

enum ex_encoding { EX_IDENTITY, EX_GZIP, EX_ZSTD };

struct ex_negotiated {
    enum ex_format format;
    enum ex_escaping escaping;
    bool escaping_named; /* the request named a scheme that exists */
};

/* Reads an Accept header; all of its lines joined by commas. Empty or unreadable: text 0.0.4. */
struct ex_negotiated ex_format_negotiate(struct fo_str accept);

/* The Content-Type to send; lives as long as the program. */
const char *ex_format_content_type(const struct ex_negotiated *negotiated);

/* Reads an Accept-Encoding header. zstd is only chosen when named. */
enum ex_encoding ex_encoding_negotiate(struct fo_str accept_encoding);

/* For Content-Encoding: "gzip", "zstd"; NULL for identity. */
const char *ex_encoding_name(enum ex_encoding encoding);

#endif
