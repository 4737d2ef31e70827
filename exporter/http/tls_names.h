/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/tls_names.h - Go's names of TLS versions, cipher suites and curves, and the GnuTLS
 * priority string that means the same. Owns: nothing. Threads: any. */
#ifndef EX_HTTP_TLS_NAMES_H
#define EX_HTTP_TLS_NAMES_H

#include "exporter/base/buffer.h"
#include "exporter/http/web_settings.h"

/* Index of the name, or -1. */
int ex_http_tls_suite(struct fo_str name);
int ex_http_tls_curve(struct fo_str name);
/* 10 to 13, or -1. */
int ex_http_tls_version(struct fo_str name);

/* GnuTLS builds suites from parts, so its string may allow combinations that were not listed;
 * ex_http_tls_suite_allowed() is the last word. */
void ex_http_tls_priority(const struct ex_http_web_settings *settings, struct ex_buffer *priority);

/* Whether a session may use the suite of that number. Those of TLS 1.3 (0x13..) always, as in Go.
 * `listed` are indexes; none of them = the defaults, all allowed. */
bool ex_http_tls_suite_allowed(const unsigned char *listed, size_t count, unsigned id);

#endif
