/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/pack.h"

#include <errno.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include "exporter/base/buffer.h"

/* A piece is a few kilobytes: with a small hash table, which is cleared for each one, level 1 is a
 * fifth faster than with zlib's default and packs as well. */
enum { DEFLATE_LEVEL = 1, ZSTD_LEVEL = 1, MEMORY_LEVEL = 5, RAW_DEFLATE = -15 };

struct ex_packer {
    z_stream deflate;
    bool deflate_ready;
    ZSTD_CCtx *zstd;
    struct ex_buffer scratch;
};

struct ex_packer *ex_packer_new(void) {
    struct ex_packer *packer = calloc(1, sizeof *packer);

    if (packer)
        ex_buffer_init(&packer->scratch, SIZE_MAX / 2);
    return packer;
}

void ex_packer_free(struct ex_packer *packer) {
    if (!packer)
        return;
    if (packer->deflate_ready)
        (void)deflateEnd(&packer->deflate);
    (void)ZSTD_freeCCtx(packer->zstd);
    ex_buffer_done(&packer->scratch);
    free(packer);
}

static int start_deflate(struct ex_packer *packer) {
    if (packer->deflate_ready)
        return deflateReset(&packer->deflate) == Z_OK ? 0 : -ENOMEM;
    if (deflateInit2(&packer->deflate, DEFLATE_LEVEL, Z_DEFLATED, RAW_DEFLATE, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    packer->deflate_ready = true;
    return 0;
}

/* Deflate blocks that end on a byte with a full flush, and no final one. */
static int deflate_piece(struct ex_packer *packer, const struct ex_blob *raw,
                         struct ex_blob **ret_blob) {
    int failed = raw->len > UINT32_MAX ? -ENOMEM : start_deflate(packer);

    if (failed)
        return failed;
    size_t bound = deflateBound(&packer->deflate, raw->len) + 16;
    ex_buffer_reset(&packer->scratch);
    char *room = ex_buffer_reserve(&packer->scratch, bound);
    if (!room)
        return -ENOMEM;
    packer->deflate.next_in = (const Bytef *)raw->bytes;
    packer->deflate.avail_in = (uInt)raw->len;
    packer->deflate.next_out = (Bytef *)room;
    packer->deflate.avail_out = (uInt)bound;
    if (deflate(&packer->deflate, Z_FULL_FLUSH) != Z_OK || packer->deflate.avail_out == 0)
        return -ENOMEM;
    struct ex_blob *blob = ex_blob_new((struct fo_str){room, bound - packer->deflate.avail_out});
    if (!blob)
        return -ENOMEM;
    blob->raw_len = (uint32_t)raw->len;
    blob->crc = (uint32_t)crc32_z(0, (const Bytef *)raw->bytes, raw->len);
    blob->crc_op = (uint32_t)crc32_combine_gen((z_off_t)raw->len);
    *ret_blob = blob;
    return 0;
}

static int zstd_piece(struct ex_packer *packer, const struct ex_blob *raw,
                      struct ex_blob **ret_blob) {
    if (!packer->zstd)
        packer->zstd = ZSTD_createCCtx();
    size_t bound = ZSTD_compressBound(raw->len);
    ex_buffer_reset(&packer->scratch);
    char *room = ex_buffer_reserve(&packer->scratch, bound);
    if (!room || !packer->zstd)
        return -ENOMEM;
    size_t len = ZSTD_compressCCtx(packer->zstd, room, bound, raw->bytes, raw->len, ZSTD_LEVEL);
    if (ZSTD_isError(len))
        return -ENOMEM;
    *ret_blob = ex_blob_new((struct fo_str){room, len});
    return *ret_blob ? 0 : -ENOMEM;
}

/* The packed form of a blob, borrowed from it. */
static int packed_piece(struct ex_packer *packer, struct ex_blob *raw, enum ex_encoding encoding,
                        struct ex_blob **ret_blob) {
    struct ex_blob **kept = &raw->packed[encoding - EX_GZIP];
    int failed = 0;

    if (!*kept && encoding == EX_GZIP)
        failed = deflate_piece(packer, raw, kept);
    else if (!*kept)
        failed = zstd_piece(packer, raw, kept);
    *ret_blob = *kept;
    return failed;
}

static int append_gzip_head(struct ex_body *body) {
    static const char head[] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 4 /* fastest */, 3 /* Unix */};

    return ex_body_append_copy(body, (struct fo_str){head, sizeof head});
}

/* An empty final block, then crc and length, the low byte first. */
static int append_gzip_tail(struct ex_body *body, uint32_t crc, uint32_t raw_len) {
    char tail[10] = {3, 0};

    for (int i = 0; i < 4; i++) {
        tail[2 + i] = (char)(crc >> (8 * i) & 0xff);
        tail[6 + i] = (char)(raw_len >> (8 * i) & 0xff);
    }
    return ex_body_append_copy(body, (struct fo_str){tail, sizeof tail});
}

static int append_pieces(struct ex_packer *packer, const struct ex_body *raw,
                         struct ex_body *body) {
    enum ex_encoding encoding = ex_body_encoding(body);
    uint32_t crc = (uint32_t)crc32_z(0, NULL, 0);
    uint32_t raw_len = 0;
    size_t count;
    struct ex_blob *const *blobs = ex_body_blobs(raw, &count);
    int failed = encoding == EX_GZIP ? append_gzip_head(body) : 0;

    for (size_t i = 0; i < count && !failed; i++) {
        struct ex_blob *packed;
        failed = packed_piece(packer, blobs[i], encoding, &packed);
        if (failed)
            break;
        failed = ex_body_append(body, packed);
        if (encoding == EX_GZIP)
            crc = (uint32_t)crc32_combine_op(crc, packed->crc, packed->crc_op);
        raw_len += packed->raw_len;
    }
    if (!failed && encoding == EX_GZIP)
        failed = append_gzip_tail(body, crc, raw_len);
    return failed;
}

int ex_pack_body(struct ex_packer *packer, const struct ex_body *raw, enum ex_encoding encoding,
                 struct ex_body **ret_body) {
    struct ex_body *body = ex_body_new(encoding);

    if (!body)
        return -ENOMEM;
    int failed = append_pieces(packer, raw, body);
    if (failed)
        ex_body_unref(body);
    else
        *ret_body = body;
    return failed;
}
