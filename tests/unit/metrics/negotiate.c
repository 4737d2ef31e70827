/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/metrics/negotiate.c - the headers that clients really send, and broken ones. */
#include "tests/unit/metrics/fixture.h"

#include "exporter/metrics/negotiate.h"

#define PROTOBUF                                                                                   \
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PROTOBUF_TYPE                                                                              \
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

struct accept_case {
    const char *accept;
    const char *content_type;
};

static const struct accept_case accept_cases[] = {
    /* Prometheus 2.42: default, with native histograms */
    {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
     OPENMETRICS_TYPE},
    {PROTOBUF ",application/openmetrics-text;version=1.0.0;q=0.8,"
              "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
              "*/*;q=0.1",
     PROTOBUF_TYPE},
    /* Prometheus 3.5: default, protobuf first, legacy names */
    {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
     "application/openmetrics-text;version=0.0.1;q=0.5,"
     "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
     OPENMETRICS_TYPE "; escaping=allow-utf-8"},
    {PROTOBUF ";q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
              "application/openmetrics-text;version=0.0.1;q=0.4,"
              "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,"
              "*/*;q=0.1",
     PROTOBUF_TYPE},
    {"application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.2",
     OPENMETRICS_TYPE "; escaping=underscores"},
    /* one format only */
    {"text/plain;version=1.0.0;escaping=dots", "text/plain; version=1.0.0; charset=utf-8; "
                                               "escaping=dots"},
    {"text/plain;version=1.0.0;escaping=values", "text/plain; version=1.0.0; charset=utf-8; "
                                                 "escaping=values"},
    {"text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"},
    {"application/openmetrics-text", OPENMETRICS_TYPE},
    {"text/plain", TEXT_TYPE},
    {"APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ;\tQ=0.5", OPENMETRICS_TYPE},
    /* always an answer */
    {"", TEXT_TYPE},
    {"*/*", TEXT_TYPE},
    {"text/*", TEXT_TYPE},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT_TYPE},
    {"image/png", TEXT_TYPE},
    {"application/openmetrics-text;version=0.0.1", TEXT_TYPE},
    {"application/openmetrics-text;version=2.0.0", TEXT_TYPE},
    {"application/vnd.google.protobuf", TEXT_TYPE},
    {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
     TEXT_TYPE},
    {"application/vnd.google.protobuf;proto=other;encoding=delimited", TEXT_TYPE},
    /* quality */
    {"application/openmetrics-text;q=0,text/plain;q=0.1", TEXT_TYPE},
    {"application/openmetrics-text;q=0.000", TEXT_TYPE},
    {"text/plain;version=0.0.4;q=0.3,application/openmetrics-text;q=0.301", OPENMETRICS_TYPE},
    {"*/*,application/openmetrics-text", OPENMETRICS_TYPE},
    {"text/plain;version=0.0.4;charset=utf-8,application/openmetrics-text", TEXT_TYPE},
    {"text/plain,application/openmetrics-text", TEXT_TYPE},
    {"text/*,application/openmetrics-text", OPENMETRICS_TYPE},
    /* malformed ranges are as if they were not there */
    {"application/openmetrics-text;q=1.5", TEXT_TYPE},
    {"application/openmetrics-text;q=0.1234", TEXT_TYPE},
    {"application/openmetrics-text;q=-1", TEXT_TYPE},
    {"application/openmetrics-text;q=", TEXT_TYPE},
    {"application/openmetrics-text;q=1.", OPENMETRICS_TYPE},
    {"application/openmetrics-text;version", TEXT_TYPE},
    {"application/openmetrics-text;=1.0.0", TEXT_TYPE},
    {"application/openmetrics-text;version=\"1.0.0", TEXT_TYPE},
    {"application/openmetrics text", TEXT_TYPE},
    {"application/openmetrics-text;version=\"1.0.0,text/plain\"", TEXT_TYPE},
    {"application/openmetrics-text;a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1", TEXT_TYPE},
    {",,;;,= ,\"", TEXT_TYPE},
    {"x y z;q=0.9,application/openmetrics-text;q=0.1", OPENMETRICS_TYPE},
    /* what a request says does not come back */
    {"application/openmetrics-text;escaping=evil", OPENMETRICS_TYPE},
    {"text/plain;version=1.0.0;escaping=\"a\r\nb\"",
     "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"},
};

static void picks_the_format(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accept_cases / sizeof *accept_cases; i++) {
        const struct accept_case *c = &accept_cases[i];
        struct ex_negotiated got = ex_format_negotiate(fo_str_of(c->accept));
        if (strcmp(ex_format_content_type(&got), c->content_type) != 0)
            fail_msg("%s\n  gives %s\n  not   %s", c->accept, ex_format_content_type(&got),
                     c->content_type);
    }
}

static void reads_no_more_than_its_limits(void **state) {
    struct ex_buffer accept;
    (void)state;

    ex_buffer_init(&accept, 100000);
    for (int i = 0; i < EX_ACCEPT_MAX_RANGES; i++)
        ex_buffer_append_text(&accept, "a/b,");
    ex_buffer_append_text(&accept, "application/openmetrics-text");
    assert_int_equal(ex_format_negotiate(ex_buffer_str(&accept)).format, EX_TEXT_0_0_4);
    ex_buffer_reset(&accept);
    ex_buffer_append_text(&accept, "application/openmetrics-text,");
    for (int i = 0; i < EX_ACCEPT_MAX_BYTES; i++)
        ex_buffer_append_text(&accept, "a");
    assert_int_equal(ex_format_negotiate(ex_buffer_str(&accept)).format, EX_OPENMETRICS);
    ex_buffer_done(&accept);
}

static void picks_the_encoding(void **state) {
    static const struct {
        const char *header;
        enum ex_encoding encoding;
    } cases[] = {
        {"gzip", EX_GZIP},
        {"", EX_IDENTITY},
        {"identity", EX_IDENTITY},
        {"gzip;q=0", EX_IDENTITY},
        {"gzip;q=0.0, *", EX_IDENTITY},
        {"GZIP;Q=0.001", EX_GZIP},
        {"x-gzip", EX_GZIP},
        {"deflate, gzip, br, zstd", EX_GZIP},
        {"br, zstd", EX_ZSTD},
        {"gzip;q=0.5, zstd", EX_ZSTD},
        {"*", EX_GZIP},
        {"*;q=0", EX_IDENTITY},
        {"identity;q=0, gzip;q=0.1", EX_GZIP},
        {"identity;q=0", EX_IDENTITY},
        {"identity, gzip;q=0.5", EX_IDENTITY},
        {"gzip;q=2", EX_IDENTITY},
        {"gz ip", EX_IDENTITY},
        {"br", EX_IDENTITY},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (ex_encoding_negotiate(fo_str_of(cases[i].header)) != cases[i].encoding)
            fail_msg("%s", cases[i].header);
    }
    assert_string_equal(ex_encoding_name(EX_GZIP), "gzip");
    assert_string_equal(ex_encoding_name(EX_ZSTD), "zstd");
    assert_null(ex_encoding_name(EX_IDENTITY));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_the_format),
        cmocka_unit_test(reads_no_more_than_its_limits),
        cmocka_unit_test(picks_the_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
