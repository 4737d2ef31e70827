/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/page.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/metrics/snapshot.h"

/* One style's rendering per slot; the last is for styles that are not kept. NULL = not rendered. */
enum { STYLE_SLOTS = EX_STYLE_KINDS + 1 };

struct ex_piece {
    struct ex_blob *blobs[STYLE_SLOTS];
};

struct ex_chunk {
    struct ex_group *groups[EX_CHUNK_GROUPS];
    struct ex_piece *pieces; /* owned; by family id */
    size_t piece_count;
    uint32_t used;
    bool missing[STYLE_SLOTS];  /* some piece may have to be rendered in that style */
    bool live;                  /* for one live group alone */
    struct ex_chunk *next_open; /* of those with room */
};

struct ex_page {
    struct ex_chunk **chunks; /* owned */
    size_t chunk_count;
    size_t capacity;
    struct ex_chunk *open; /* chunks with room for a group */
    struct ex_snapshot snapshot;
    struct ex_blob *nothing; /* the rendering of what has no lines */
    struct ex_buffer scratch;
    const struct ex_cell **cells; /* owned; of the chunk being rendered, by family and slot */
    size_t cells_capacity;
};

static size_t slot_of(const struct ex_style *style) {
    return ex_style_is_kept(style) ? (size_t)style->kind : EX_STYLE_KINDS;
}

struct ex_page *ex_page_new(void) {
    struct ex_page *page = calloc(1, sizeof *page);

    if (!page)
        return NULL;
    ex_buffer_init(&page->scratch, SIZE_MAX / 2);
    page->nothing = ex_blob_new((struct fo_str){0});
    if (!page->nothing) {
        free(page);
        return NULL;
    }
    return page;
}

static void forget_piece(struct ex_chunk *chunk, size_t family_id) {
    struct ex_piece *piece = &chunk->pieces[family_id];

    for (size_t i = 0; i < STYLE_SLOTS; i++) {
        ex_blob_unref(piece->blobs[i]);
        piece->blobs[i] = NULL;
        chunk->missing[i] = true;
    }
}

void ex_page_free(struct ex_page *page) {
    if (!page)
        return;
    for (size_t i = 0; i < page->chunk_count; i++) {
        for (size_t j = 0; j < page->chunks[i]->piece_count; j++)
            forget_piece(page->chunks[i], j);
        free(page->chunks[i]->pieces);
        free(page->chunks[i]);
    }
    free(page->chunks);
    ex_snapshot_done(&page->snapshot);
    ex_blob_unref(page->nothing);
    ex_buffer_done(&page->scratch);
    free(page->cells);
    free(page);
}

/* ---- places ---- */

static struct ex_chunk *add_chunk(struct ex_page *page) {
    if (page->chunk_count == page->capacity) {
        size_t capacity = page->capacity ? page->capacity * 2 : 16;
        struct ex_chunk **chunks = realloc(page->chunks, capacity * sizeof(struct ex_chunk *));
        if (!chunks)
            return NULL;
        page->chunks = chunks;
        page->capacity = capacity;
    }
    struct ex_chunk *chunk = calloc(1, sizeof *chunk);
    if (chunk)
        page->chunks[page->chunk_count++] = chunk;
    return chunk;
}

static uint32_t free_slot(const struct ex_chunk *chunk) {
    uint32_t slot = 0;

    while (chunk->groups[slot])
        slot++;
    return slot;
}

int ex_page_add(struct ex_page *page, struct ex_group *group) {
    struct ex_chunk *chunk = group->live ? NULL : page->open;

    if (!chunk) {
        chunk = add_chunk(page);
        if (!chunk)
            return -ENOMEM;
        chunk->live = group->live;
        if (!group->live)
            page->open = chunk;
    }
    group->chunk = chunk;
    group->chunk_slot = free_slot(chunk);
    chunk->groups[group->chunk_slot] = group;
    chunk->used++;
    if (chunk->used == EX_CHUNK_GROUPS && !chunk->live) {
        page->open = chunk->next_open;
        chunk->next_open = NULL;
    }
    return 0;
}

void ex_page_remove(struct ex_page *page, struct ex_group *group) {
    struct ex_chunk *chunk = group->chunk;
    const struct ex_cell *cell = atomic_load_explicit(&group->first_cell, memory_order_acquire);

    for (; cell; cell = atomic_load_explicit(&cell->next, memory_order_acquire)) {
        if (cell->shown_count > 0)
            forget_piece(chunk, cell->family->id);
    }
    chunk->groups[group->chunk_slot] = NULL;
    if (chunk->used == EX_CHUNK_GROUPS || chunk->live) {
        chunk->live = false;
        chunk->next_open = page->open;
        page->open = chunk;
    }
    chunk->used--;
}

void ex_page_drain(struct ex_page *page, void (*gone)(struct ex_group *group)) {
    for (size_t i = 0; i < page->chunk_count; i++) {
        for (size_t j = 0; j < EX_CHUNK_GROUPS; j++) {
            if (page->chunks[i]->groups[j])
                gone(page->chunks[i]->groups[j]);
        }
    }
}

/* ---- taking over ---- */

static int reserve_pieces(struct ex_chunk *chunk, size_t count) {
    if (count <= chunk->piece_count)
        return 0;
    struct ex_piece *pieces = realloc(chunk->pieces, count * sizeof *pieces);
    if (!pieces)
        return -ENOMEM;
    for (size_t i = chunk->piece_count; i < count; i++)
        pieces[i] = (struct ex_piece){0};
    chunk->pieces = pieces;
    chunk->piece_count = count;
    for (size_t i = 0; i < STYLE_SLOTS; i++)
        chunk->missing[i] = true;
    return 0;
}

static void cell_changed(void *arg, const struct ex_cell *cell) {
    struct ex_chunk *chunk = arg;

    forget_piece(chunk, cell->family->id);
}

static int refresh_chunk(struct ex_page *page, struct ex_chunk *chunk, size_t family_count) {
    int failed = reserve_pieces(chunk, family_count);

    for (size_t i = 0; i < EX_CHUNK_GROUPS && !failed; i++) {
        if (chunk->groups[i])
            failed = ex_snapshot_take(&page->snapshot, chunk->groups[i], family_count, cell_changed,
                                      chunk);
    }
    return failed;
}

/* ---- rendering ---- */

static int reserve_cells(struct ex_page *page, size_t count) {
    if (count <= page->cells_capacity)
        return 0;
    const struct ex_cell **cells = realloc(page->cells, count * sizeof(struct ex_cell *));
    if (!cells)
        return -ENOMEM;
    page->cells = cells;
    page->cells_capacity = count;
    return 0;
}

/* Which cell each group of a chunk has for each family. */
static void find_cells(struct ex_page *page, const struct ex_chunk *chunk, size_t family_count) {
    for (size_t i = 0; i < family_count * EX_CHUNK_GROUPS; i++)
        page->cells[i] = NULL;
    for (size_t i = 0; i < EX_CHUNK_GROUPS; i++) {
        const struct ex_group *group = chunk->groups[i];
        const struct ex_cell *cell =
            group ? atomic_load_explicit(&group->first_cell, memory_order_acquire) : NULL;
        for (; cell; cell = atomic_load_explicit(&cell->next, memory_order_acquire)) {
            if (cell->shown_count > 0)
                page->cells[cell->family->id * EX_CHUNK_GROUPS + i] = cell;
        }
    }
}

/* A piece that is the same in text as in OpenMetrics is kept once. */
static struct ex_blob *share(const struct ex_piece *piece, size_t slot, struct fo_str bytes) {
    struct ex_blob *twin = NULL;

    if (slot == EX_STYLE_TEXT)
        twin = piece->blobs[EX_STYLE_OPENMETRICS];
    else if (slot == EX_STYLE_OPENMETRICS)
        twin = piece->blobs[EX_STYLE_TEXT];
    return twin && fo_str_equal(ex_blob_str(twin), bytes) ? ex_blob_ref(twin) : NULL;
}

static int render_piece(struct ex_page *page, struct ex_piece *piece, const struct ex_style *style,
                        const struct ex_cell *const *cells) {
    struct ex_buffer *out = &page->scratch;
    size_t slot = slot_of(style);

    ex_buffer_reset(out);
    for (size_t i = 0; i < EX_CHUNK_GROUPS; i++) {
        if (cells[i] && style->kind == EX_STYLE_PROTOBUF)
            ex_proto_cell(out, cells[i]);
        else if (cells[i])
            ex_text_cell(out, cells[i], style);
    }
    if (out->failure)
        return out->failure;
    struct ex_blob *blob =
        out->len == 0 ? ex_blob_ref(page->nothing) : share(piece, slot, ex_buffer_str(out));
    if (!blob)
        blob = ex_blob_new(ex_buffer_str(out));
    if (!blob)
        return -ENOMEM;
    ex_blob_unref(piece->blobs[slot]);
    piece->blobs[slot] = blob;
    return 0;
}

static int render_chunk(struct ex_page *page, struct ex_chunk *chunk, const struct ex_style *style,
                        const bool *wanted, size_t family_count) {
    size_t slot = slot_of(style);
    bool all = true;

    find_cells(page, chunk, family_count);
    for (size_t i = 0; i < family_count; i++) {
        struct ex_piece *piece = &chunk->pieces[i];
        if (piece->blobs[slot] && ex_style_is_kept(style))
            continue;
        all = all && wanted[i];
        int failed =
            wanted[i] ? render_piece(page, piece, style, &page->cells[i * EX_CHUNK_GROUPS]) : 0;
        if (failed)
            return failed;
    }
    chunk->missing[slot] = !all;
    return 0;
}

/* Chunk by chunk, so that what was just taken over is still in the processor's cache when it is
 * rendered. */
int ex_page_update(struct ex_page *page, const struct ex_style *style, const bool *wanted,
                   size_t family_count) {
    int failed = reserve_cells(page, family_count * EX_CHUNK_GROUPS);

    for (size_t i = 0; i < page->chunk_count && !failed; i++) {
        struct ex_chunk *chunk = page->chunks[i];
        failed = refresh_chunk(page, chunk, family_count);
        if (!failed && (chunk->missing[slot_of(style)] || !ex_style_is_kept(style)))
            failed = render_chunk(page, chunk, style, wanted, family_count);
    }
    return failed;
}

struct ex_blob *ex_page_next(const struct ex_page *page, const struct ex_style *style,
                             size_t family_id, size_t *chunk) {
    if (*chunk == page->chunk_count)
        return NULL;
    return page->chunks[(*chunk)++]->pieces[family_id].blobs[slot_of(style)];
}

void ex_page_forget_unkept(struct ex_page *page) {
    for (size_t i = 0; i < page->chunk_count; i++) {
        struct ex_chunk *chunk = page->chunks[i];
        for (size_t j = 0; j < chunk->piece_count; j++) {
            ex_blob_unref(chunk->pieces[j].blobs[EX_STYLE_KINDS]);
            chunk->pieces[j].blobs[EX_STYLE_KINDS] = NULL;
        }
    }
}
