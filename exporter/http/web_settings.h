/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/web_settings.h - what a web configuration file says, in the format of Prometheus'
 * exporter-toolkit, checked as far as that goes without opening another file.
 * Owns: its texts. Threads: none while reading, any afterwards. */
#ifndef EX_HTTP_WEB_SETTINGS_H
#define EX_HTTP_WEB_SETTINGS_H

#include <stdbool.h>

#include "exporter/http/response.h"
#include "failover/types.h"

/* In the order of how much they ask of a client. */
enum ex_http_client_auth {
    EX_HTTP_NO_CLIENT_CERT,
    EX_HTTP_REQUEST_CLIENT_CERT,
    EX_HTTP_VERIFY_CLIENT_CERT_IF_GIVEN,
    EX_HTTP_REQUIRE_ANY_CLIENT_CERT,
    EX_HTTP_REQUIRE_AND_VERIFY_CLIENT_CERT,
};

/* PEM, given inline or as a file; both NULL when it is not given. */
struct ex_http_pem_source {
    char *text;
    char *file; /* relative paths are already joined with the folder of the configuration */
};

struct ex_http_user {
    char *name;
    char *hash; /* bcrypt */
};

enum { EX_HTTP_SUITES_MAX = 32, EX_HTTP_CURVES_MAX = 8, EX_HTTP_WEB_HEADERS_MAX = 5 };

struct ex_http_web_settings {
    bool tls;
    struct ex_http_pem_source cert;
    struct ex_http_pem_source key;
    struct ex_http_pem_source client_ca;
    enum ex_http_client_auth client_auth;
    char **sans; /* client_allowed_sans */
    size_t san_count;
    unsigned min_version; /* 10 to 13 */
    unsigned max_version;
    unsigned char suites[EX_HTTP_SUITES_MAX]; /* indexes into the table of tls_names.h */
    size_t suite_count;                       /* 0 = the defaults */
    unsigned char curves[EX_HTTP_CURVES_MAX];
    size_t curve_count;
    bool prefer_server_suites;
    bool http2; /* the default, though we do not speak it */
    bool http2_given;
    struct ex_http_header headers[EX_HTTP_WEB_HEADERS_MAX];
    size_t header_count;
    struct ex_http_user *users;
    size_t user_count;
    int64_t rate_interval_ns; /* 0 = no limit */
    int64_t rate_burst;
};

/* `folder` is what relative paths are relative to. -EINVAL with the line in `reterr`; -E2BIG, over
 * the limits of limits.h; -ENOMEM. */
FO_MUST_CHECK int ex_http_web_settings_parse(struct fo_str bytes, const char *folder,
                                             struct ex_http_web_settings *ret_settings,
                                             struct fo_error *reterr);
void ex_http_web_settings_done(struct ex_http_web_settings *settings);

/* Whether a text looks like a bcrypt hash that can be verified: "$2a$", "$2b$" or "$2y$", cost 4 to
 * 31, salt and hash. */
bool ex_http_is_bcrypt(const char *hash);

#endif
