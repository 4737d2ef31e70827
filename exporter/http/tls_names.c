/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/tls_names.h"

/* What Go calls secure (crypto/tls.CipherSuites); it knows no other in a web configuration. */
static const struct {
    const char *name;
    unsigned id;          /* on the wire */
    const char *exchange; /* NULL: a suite of TLS 1.3, always on */
    const char *cipher;
    const char *mac;
} suites[] = {
    {"TLS_RSA_WITH_AES_128_CBC_SHA", 0x002f, "RSA", "AES-128-CBC", "SHA1"},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035, "RSA", "AES-256-CBC", "SHA1"},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009c, "RSA", "AES-128-GCM", "AEAD"},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", 0x009d, "RSA", "AES-256-GCM", "AEAD"},
    {"TLS_AES_128_GCM_SHA256", 0x1301, NULL, NULL, NULL},
    {"TLS_AES_256_GCM_SHA384", 0x1302, NULL, NULL, NULL},
    {"TLS_CHACHA20_POLY1305_SHA256", 0x1303, NULL, NULL, NULL},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xc009, "ECDHE-ECDSA", "AES-128-CBC", "SHA1"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 0xc00a, "ECDHE-ECDSA", "AES-256-CBC", "SHA1"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xc013, "ECDHE-RSA", "AES-128-CBC", "SHA1"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 0xc014, "ECDHE-RSA", "AES-256-CBC", "SHA1"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b, "ECDHE-ECDSA", "AES-128-GCM", "AEAD"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c, "ECDHE-ECDSA", "AES-256-GCM", "AEAD"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f, "ECDHE-RSA", "AES-128-GCM", "AEAD"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030, "ECDHE-RSA", "AES-256-GCM", "AEAD"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8, "ECDHE-RSA", "CHACHA20-POLY1305",
     "AEAD"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9, "ECDHE-ECDSA", "CHACHA20-POLY1305",
     "AEAD"},
};

static const struct {
    const char *name;
    const char *group;
} curves[] = {
    {"CurveP256", "SECP256R1"},
    {"CurveP384", "SECP384R1"},
    {"CurveP521", "SECP521R1"},
    {"X25519", "X25519"},
};

static const struct {
    const char *name;
    const char *version;
    int number;
} versions[] = {
    {"TLS13", "TLS1.3", 13},
    {"TLS12", "TLS1.2", 12},
    {"TLS11", "TLS1.1", 11},
    {"TLS10", "TLS1.0", 10},
};

#define COUNT(array_) (sizeof(array_) / sizeof(array_)[0])

int ex_http_tls_suite(struct fo_str name) {
    for (size_t i = 0; i < COUNT(suites); i++) {
        if (fo_str_equal(name, fo_str_of(suites[i].name)))
            return (int)i;
    }
    return -1;
}

int ex_http_tls_curve(struct fo_str name) {
    for (size_t i = 0; i < COUNT(curves); i++) {
        if (fo_str_equal(name, fo_str_of(curves[i].name)))
            return (int)i;
    }
    return -1;
}

int ex_http_tls_version(struct fo_str name) {
    for (size_t i = 0; i < COUNT(versions); i++) {
        if (fo_str_equal(name, fo_str_of(versions[i].name)))
            return versions[i].number;
    }
    return -1;
}

/* Listed parts stand first, because order is preference; saying one twice does no harm. */
static void append_suites(const struct ex_http_web_settings *settings, struct ex_buffer *priority) {
    for (size_t i = 0; i < settings->suite_count; i++) {
        size_t suite = settings->suites[i];
        if (suites[suite].exchange)
            ex_buffer_printf(priority, ":+%s:+%s:+%s", suites[suite].exchange, suites[suite].cipher,
                             suites[suite].mac);
    }
    ex_buffer_append_text(priority, ":+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD");
}

void ex_http_tls_priority(const struct ex_http_web_settings *settings, struct ex_buffer *priority) {
    ex_buffer_append_text(priority, settings->suite_count > 0
                                        ? "NONE:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+GROUP-ALL"
                                        : "NORMAL:-VERS-ALL");
    for (size_t i = 0; i < COUNT(versions); i++) {
        unsigned number = (unsigned)versions[i].number;
        if (number >= settings->min_version && number <= settings->max_version)
            ex_buffer_printf(priority, ":+VERS-%s", versions[i].version);
    }
    if (settings->suite_count > 0)
        append_suites(settings, priority);
    if (settings->curve_count > 0)
        ex_buffer_append_text(priority, ":-GROUP-ALL");
    for (size_t i = 0; i < settings->curve_count; i++)
        ex_buffer_printf(priority, ":+GROUP-%s", curves[settings->curves[i]].group);
    if (settings->prefer_server_suites)
        ex_buffer_append_text(priority, ":%SERVER_PRECEDENCE");
}

bool ex_http_tls_suite_allowed(const unsigned char *listed, size_t count, unsigned id) {
    if (count == 0 || id >> 8 == 0x13)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (suites[listed[i]].id == id)
            return true;
    }
    return false;
}
