/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/tls.h - TLS material made from a web configuration: certificate, client CA,
 * priorities. libmicrohttpd opens each session; we hand the session the material of the moment, so
 * that a reload needs no new daemon. A session holds a reference until its connection is closed.
 * Threads: any, once loaded. */
#ifndef EX_HTTP_TLS_H
#define EX_HTTP_TLS_H

#include "exporter/http/web_settings.h"

struct gnutls_session_int;
struct ex_http_tls;

/* Reads the files and checks that certificate and key belong together. `settings` is borrowed until
 * this returns; `rejected` counts clients whose certificates were not accepted, and may be NULL.
 * -EINVAL, or what opening a file said, with a text. */
FO_MUST_CHECK int ex_http_tls_load(const struct ex_http_web_settings *settings,
                                   _Atomic uint64_t *rejected, struct ex_http_tls **ret_tls,
                                   struct fo_error *reterr);

struct ex_http_tls *ex_http_tls_ref(struct ex_http_tls *tls);
void ex_http_tls_unref(struct ex_http_tls *tls); /* NULL is allowed */

/* Prepares a session before its handshake; `tls` must outlive it. -EIO. */
FO_MUST_CHECK int ex_http_tls_apply(struct ex_http_tls *tls, struct gnutls_session_int *session);

/* Whether every client that gets through has shown a certificate of our CA. */
bool ex_http_tls_certifies(const struct ex_http_tls *tls);

#endif
