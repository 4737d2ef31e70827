/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/metrics/fixture.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

enum { SEED = 42 };

struct ex_metrics *fixture_metrics(const struct ex_metrics_limits *limits) {
    struct ex_metrics *metrics = NULL;

    assert_int_equal(ex_metrics_new(limits, SEED, &metrics), 0);
    return metrics;
}

struct ex_family *fixture_family(struct ex_metrics *metrics, const struct ex_family_spec *spec) {
    struct ex_family *family = NULL;
    struct fo_error error = {0};

    if (ex_metrics_family(metrics, spec, &family, &error) != 0)
        fail_msg("%s", error.text);
    return family;
}

struct ex_group *fixture_job(struct ex_metrics *metrics, const char *name, struct ex_group *old) {
    const struct fo_label labels[] = {LABEL("engine", "local"), {STR("job_name"), fo_str_of(name)}};
    struct ex_group *group = NULL;

    assert_int_equal(ex_group_new(metrics, labels, 2, old, &group), 0);
    ex_group_begin(group);
    ex_group_publish(group);
    return group;
}

struct ex_series *fixture_series(struct ex_group *group, struct ex_family *family, const char *a,
                                 const char *b) {
    const struct fo_str values[] = {fo_str_of(a), fo_str_of(b)};
    struct ex_series *series = NULL;

    assert_int_equal(ex_group_series(group, family, values, &series), 0);
    return series;
}

void fixture_render(struct ex_metrics *metrics, const struct ex_render_request *request,
                    struct ex_buffer *out) {
    struct ex_body *body = NULL;
    size_t count = 0;

    assert_int_equal(ex_metrics_render(metrics, request, &body), 0);
    const struct fo_str *parts = ex_body_parts(body, &count);
    for (size_t i = 0; i < count; i++)
        ex_buffer_append_str(out, parts[i]);
    assert_int_equal(out->failure, 0);
    assert_int_equal(out->len, ex_body_size(body));
    ex_body_unref(body);
}

char *fixture_page(struct ex_metrics *metrics, enum ex_format format) {
    const struct fo_str own = STR("registry");
    const struct ex_render_request request = {
        .format = format, .exclude = &own, .exclude_count = 1};
    struct ex_buffer out;
    size_t len;

    ex_buffer_init(&out, SIZE_MAX / 2);
    fixture_render(metrics, &request, &out);
    ex_buffer_append(&out, "", 0);
    return ex_buffer_take(&out, &len);
}

static void inflate_all(const struct ex_buffer *packed, struct ex_buffer *out) {
    z_stream stream = {.next_in = (Bytef *)packed->bytes, .avail_in = (uInt)packed->len};
    int result = Z_OK;

    assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    while (result == Z_OK) {
        char *room = ex_buffer_reserve(out, 65536);
        stream.next_out = (Bytef *)room;
        stream.avail_out = 65536;
        result = inflate(&stream, Z_NO_FLUSH);
        ex_buffer_commit(out, 65536 - stream.avail_out);
    }
    assert_int_equal(result, Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0); /* one member, nothing behind it */
    (void)inflateEnd(&stream);
}

static void unzstd_all(const struct ex_buffer *packed, struct ex_buffer *out) {
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer in = {packed->bytes, packed->len, 0};

    while (in.pos < in.size) {
        ZSTD_outBuffer room = {ex_buffer_reserve(out, 65536), 65536, 0};
        assert_false(ZSTD_isError(ZSTD_decompressStream(context, &room, &in)));
        ex_buffer_commit(out, room.pos);
    }
    (void)ZSTD_freeDCtx(context);
}

void fixture_unpack(const struct ex_buffer *packed, enum ex_encoding encoding,
                    struct ex_buffer *out) {
    if (encoding == EX_GZIP)
        inflate_all(packed, out);
    else
        unzstd_all(packed, out);
}
