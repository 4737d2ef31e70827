/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "exporter/base/log.h"
#include "exporter/config/fail.h"
#include "exporter/http/file.h"
#include "exporter/http/tls_names.h"

struct ex_http_tls {
    atomic_uint refs;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    enum ex_http_client_auth client_auth;
    char **sans; /* owned; NULL = any name will do */
    size_t san_count;
    unsigned char suites[EX_HTTP_SUITES_MAX];
    size_t suite_count;
    _Atomic uint64_t *rejected; /* borrowed, or NULL */
};

/* ---- Loading ---- */

/* The PEM of `source`; *ret_name says where it came from, for messages. */
static int read_pem(const struct ex_http_pem_source *source, const char *inline_name,
                    struct ex_buffer *pem, const char **ret_name, struct fo_error *reterr) {
    *ret_name = source->file ? source->file : inline_name;
    if (source->file)
        return ex_http_file_read(source->file, pem, reterr);
    ex_buffer_append_text(pem, source->text ? source->text : "");
    return pem->failure;
}

static gnutls_datum_t datum_of(struct ex_buffer *pem) {
    return (gnutls_datum_t){(unsigned char *)pem->bytes, (unsigned)pem->len};
}

static int load_certificate(struct ex_http_tls *tls, const struct ex_http_web_settings *settings,
                            struct ex_buffer *cert, struct ex_buffer *key,
                            struct fo_error *reterr) {
    const char *cert_name = NULL;
    const char *key_name = NULL;
    int err = read_pem(&settings->cert, "cert", cert, &cert_name, reterr);

    if (err == 0)
        err = read_pem(&settings->key, "key", key, &key_name, reterr);
    if (err != 0)
        return err;
    gnutls_datum_t cert_pem = datum_of(cert);
    gnutls_datum_t key_pem = datum_of(key);
    int problem = gnutls_certificate_set_x509_key_mem2(tls->credentials, &cert_pem, &key_pem,
                                                       GNUTLS_X509_FMT_PEM, NULL, 0);
    if (problem < 0)
        return ex_fail(reterr, -EINVAL, 0, "%s and %s are no certificate and its key: %s",
                       cert_name, key_name, gnutls_strerror(problem));
    return 0;
}

static int load_client_ca(struct ex_http_tls *tls, const struct ex_http_web_settings *settings,
                          struct ex_buffer *pem, struct fo_error *reterr) {
    const char *name = NULL;

    if (!settings->client_ca.file && !settings->client_ca.text)
        return 0;
    int err = read_pem(&settings->client_ca, "client_ca", pem, &name, reterr);
    if (err != 0)
        return err;
    gnutls_datum_t ca = datum_of(pem);
    int count = gnutls_certificate_set_x509_trust_mem(tls->credentials, &ca, GNUTLS_X509_FMT_PEM);
    if (count <= 0) /* upstream takes it, and so do we: it lets nobody in */
        ex_log(EX_LOG_WARN, "The client CA holds no certificate; no client can be verified.",
               EX_TEXT("file", name));
    return 0;
}

static int load_priority(struct ex_http_tls *tls, const struct ex_http_web_settings *settings,
                         struct ex_buffer *text, struct fo_error *reterr) {
    ex_http_tls_priority(settings, text);
    int problem = gnutls_priority_init2(&tls->priority, ex_buffer_text(text), NULL, 0);
    if (problem < 0)
        return ex_fail(reterr, -EINVAL, 0,
                       "the TLS versions, cipher suites and curves do not go together: %s",
                       gnutls_strerror(problem));
    return 0;
}

static int copy_policy(struct ex_http_tls *tls, const struct ex_http_web_settings *settings) {
    tls->client_auth = settings->client_auth;
    memcpy(tls->suites, settings->suites, sizeof tls->suites);
    tls->suite_count = settings->suite_count;
    if (!settings->sans)
        return 0;
    tls->sans = calloc(settings->san_count + 1, sizeof *tls->sans);
    for (size_t i = 0; tls->sans && i < settings->san_count; i++) {
        tls->sans[i] = strdup(settings->sans[i]);
        if (!tls->sans[i])
            return -ENOMEM;
        tls->san_count = i + 1;
    }
    return tls->sans ? 0 : -ENOMEM;
}

int ex_http_tls_load(const struct ex_http_web_settings *settings, _Atomic uint64_t *rejected,
                     struct ex_http_tls **ret_tls, struct fo_error *reterr) {
    struct ex_http_tls *tls = calloc(1, sizeof *tls);
    struct ex_buffer buffers[4];
    enum { CERT, KEY, CA, PRIORITY };

    if (!tls)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < 4; i++)
        ex_buffer_init(&buffers[i], EX_HTTP_PEM_MAX_BYTES);
    atomic_init(&tls->refs, 1);
    tls->rejected = rejected;
    int err = copy_policy(tls, settings);
    if (err == 0 && gnutls_certificate_allocate_credentials(&tls->credentials) < 0)
        err = -ENOMEM;
    if (err != 0)
        (void)ex_fail(reterr, err, 0, "out of memory");
    if (err == 0)
        err = load_certificate(tls, settings, &buffers[CERT], &buffers[KEY], reterr);
    if (err == 0)
        err = load_client_ca(tls, settings, &buffers[CA], reterr);
    if (err == 0)
        err = load_priority(tls, settings, &buffers[PRIORITY], reterr);
    for (size_t i = 0; i < 4; i++)
        ex_http_file_forget(&buffers[i]);
    if (err != 0)
        ex_http_tls_unref(tls);
    else
        *ret_tls = tls;
    return err;
}

struct ex_http_tls *ex_http_tls_ref(struct ex_http_tls *tls) {
    atomic_fetch_add(&tls->refs, 1);
    return tls;
}

void ex_http_tls_unref(struct ex_http_tls *tls) {
    if (!tls || atomic_fetch_sub(&tls->refs, 1) != 1)
        return;
    if (tls->credentials)
        gnutls_certificate_free_credentials(tls->credentials);
    if (tls->priority)
        gnutls_priority_deinit(tls->priority);
    for (size_t i = 0; i < tls->san_count; i++)
        free(tls->sans[i]);
    free(tls->sans);
    free(tls);
}

/* ---- Sessions ---- */

static bool is_allowed_name(const struct ex_http_tls *tls, const char *name, size_t len) {
    for (size_t i = 0; i < tls->san_count; i++) {
        if (strlen(tls->sans[i]) == len && memcmp(tls->sans[i], name, len) == 0)
            return true;
    }
    return false;
}

/* One alternative name of the certificate: DNS, e-mail and URI are compared as they are, addresses
 * as text. 1: allowed, 0: not, negative: there are no more. */
static int check_name(const struct ex_http_tls *tls, gnutls_x509_crt_t certificate,
                      unsigned index) {
    char name[1024];
    char text[INET6_ADDRSTRLEN];
    size_t len = sizeof name;
    unsigned type = 0;
    int err = gnutls_x509_crt_get_subject_alt_name2(certificate, index, name, &len, &type, NULL);

    if (err == GNUTLS_E_SHORT_MEMORY_BUFFER)
        return 0;
    if (err < 0)
        return err;
    if (type == GNUTLS_SAN_IPADDRESS) {
        int family = len == 4 ? AF_INET : AF_INET6;
        if ((len != 4 && len != 16) || !inet_ntop(family, name, text, sizeof text))
            return 0;
        return is_allowed_name(tls, text, strlen(text));
    }
    bool comparable =
        type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_RFC822NAME || type == GNUTLS_SAN_URI;
    return comparable && is_allowed_name(tls, name, strnlen(name, len));
}

static bool has_allowed_name(const struct ex_http_tls *tls, gnutls_session_t session) {
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    gnutls_x509_crt_t certificate = NULL;
    int verdict = 0;

    if (!chain || count == 0 || gnutls_x509_crt_init(&certificate) < 0)
        return false;
    if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) < 0)
        verdict = -1;
    for (unsigned i = 0; verdict == 0; i++)
        verdict = check_name(tls, certificate, i);
    gnutls_x509_crt_deinit(certificate);
    return verdict == 1;
}

static bool is_signed_by_our_ca(gnutls_session_t session) {
    static char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st data = {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)purpose, 0};
    unsigned status = 0;

    return gnutls_certificate_verify_peers(session, &data, 1, &status) >= 0 && status == 0;
}

/* GnuTLS asks this when a client has shown a certificate, or none though one was asked for. Not 0:
 * the handshake fails. */
static int verify_client(gnutls_session_t session) {
    const struct ex_http_tls *tls = gnutls_session_get_ptr(session);
    unsigned count = 0;
    bool ok = true;

    if (!gnutls_certificate_get_peers(session, &count) || count == 0)
        ok = tls->client_auth < EX_HTTP_REQUIRE_ANY_CLIENT_CERT;
    else if (tls->client_auth == EX_HTTP_REQUIRE_AND_VERIFY_CLIENT_CERT ||
             tls->client_auth == EX_HTTP_VERIFY_CLIENT_CERT_IF_GIVEN)
        ok = is_signed_by_our_ca(session);
    if (ok && tls->sans)
        ok = has_allowed_name(tls, session);
    if (!ok && tls->rejected)
        atomic_fetch_add(tls->rejected, 1);
    if (!ok) /* libmicrohttpd would hang up without a word */
        (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
    return ok ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

/* Our hello, which tells the suite, is about to be sent: version, random bytes, the session's id
 * with its length, the suite. GnuTLS does not tell the suite otherwise before the handshake is
 * over. */
static int check_suite(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t *hello) {
    enum { ID_LENGTH_AT = 2 + 32 };
    const struct ex_http_tls *tls = gnutls_session_get_ptr(session);

    (void)type;
    (void)when;
    (void)incoming;
    if (hello->size <= ID_LENGTH_AT)
        return GNUTLS_E_INTERNAL_ERROR;
    size_t at = ID_LENGTH_AT + 1 + (size_t)hello->data[ID_LENGTH_AT];
    if (hello->size < at + 2)
        return GNUTLS_E_INTERNAL_ERROR;
    unsigned suite = (unsigned)hello->data[at] << 8 | hello->data[at + 1];
    bool ok = ex_http_tls_suite_allowed(tls->suites, tls->suite_count, suite);
    return ok ? 0 : GNUTLS_E_NO_CIPHER_SUITES;
}

int ex_http_tls_apply(struct ex_http_tls *tls, struct gnutls_session_int *session) {
    static const gnutls_certificate_request_t requests[] = {
        [EX_HTTP_NO_CLIENT_CERT] = GNUTLS_CERT_IGNORE,
        [EX_HTTP_REQUEST_CLIENT_CERT] = GNUTLS_CERT_REQUEST,
        [EX_HTTP_VERIFY_CLIENT_CERT_IF_GIVEN] = GNUTLS_CERT_REQUEST,
        [EX_HTTP_REQUIRE_ANY_CLIENT_CERT] = GNUTLS_CERT_REQUIRE,
        [EX_HTTP_REQUIRE_AND_VERIFY_CLIENT_CERT] = GNUTLS_CERT_REQUIRE,
    };

    gnutls_session_set_ptr(session, tls);
    if (gnutls_priority_set(session, tls->priority) < 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials) < 0)
        return -EIO;
    gnutls_certificate_server_set_request(session, requests[tls->client_auth]);
    gnutls_session_set_verify_function(session, verify_client);
    if (tls->suite_count > 0)
        gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_SERVER_HELLO, GNUTLS_HOOK_PRE,
                                           check_suite);
    return 0;
}

bool ex_http_tls_certifies(const struct ex_http_tls *tls) {
    return tls->client_auth == EX_HTTP_REQUIRE_AND_VERIFY_CLIENT_CERT;
}
