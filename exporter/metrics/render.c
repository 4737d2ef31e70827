/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/render.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/metrics/body.h"
#include "exporter/metrics/group.h"
#include "exporter/metrics/pack.h"
#include "exporter/metrics/page.h"

enum { PACK_MIN_BYTES = 1024 };

static struct ex_style style_of(const struct ex_render_request *request) {
    struct ex_style style = {.dots = request->escaping == EX_DOTS};

    switch (request->format) {
    case EX_OPENMETRICS:
        style.kind = EX_STYLE_OPENMETRICS;
        style.created = request->created_lines;
        break;
    case EX_PROTOBUF:
        style.kind = EX_STYLE_PROTOBUF;
        break;
    case EX_TEXT_0_0_4:
    case EX_TEXT_1_0_0:
        style.kind = EX_STYLE_TEXT;
        break;
    }
    return style;
}

/* ---- filters ---- */

static bool is_among(struct fo_str name, const struct fo_str *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (fo_str_equal(name, names[i]))
            return true;
    }
    return false;
}

static bool is_wanted(const struct ex_family *family, const struct ex_render_request *request) {
    struct fo_str collector = fo_str_of(family->spec.collector);

    if (request->name_count > 0 && !is_among(family->name, request->names, request->name_count) &&
        !is_among(family->sample_name, request->names, request->name_count))
        return false;
    if (request->collect_count > 0 &&
        !is_among(collector, request->collect, request->collect_count))
        return false;
    return !is_among(collector, request->exclude, request->exclude_count);
}

static bool is_filtered(const struct ex_render_request *request) {
    return request->name_count + request->collect_count + request->exclude_count > 0;
}

/* ---- putting the page together ---- */

/* The head of a family; kept with it, but for what differs from page to page. */
static int append_head(struct ex_body *body, struct ex_family *family, const struct ex_style *style,
                       size_t cells_len) {
    struct ex_blob **kept = &family->heads[style->kind];
    bool keep = ex_style_is_kept(style) && style->kind != EX_STYLE_PROTOBUF;
    struct ex_buffer text;

    if (keep && *kept)
        return ex_body_append(body, *kept);
    ex_buffer_init(&text, SIZE_MAX / 2);
    if (style->kind == EX_STYLE_PROTOBUF)
        ex_proto_head(&text, family, style, cells_len);
    else
        ex_text_head(&text, family, style);
    struct ex_blob *blob = text.failure ? NULL : ex_blob_new(ex_buffer_str(&text));
    ex_buffer_done(&text);
    if (!blob)
        return -ENOMEM;
    int failed = ex_body_append(body, blob);
    if (keep)
        *kept = blob;
    else
        ex_blob_unref(blob);
    return failed;
}

/* A family without a line is not on the page at all. */
static int append_family(struct ex_body *body, const struct ex_page *page, struct ex_family *family,
                         const struct ex_style *style) {
    size_t len = 0;
    struct ex_blob *blob;

    for (size_t i = 0; (blob = ex_page_next(page, style, family->id, &i));)
        len += blob->len;
    if (len == 0)
        return 0;
    int failed = append_head(body, family, style, len);
    for (size_t i = 0; !failed && (blob = ex_page_next(page, style, family->id, &i));)
        failed = ex_body_append(body, blob);
    return failed;
}

static int append_page(struct ex_body *body, struct ex_metrics *metrics,
                       const struct ex_style *style, const bool *wanted, size_t family_count) {
    struct ex_family *family = atomic_load_explicit(&metrics->first_family, memory_order_acquire);
    int failed = 0;

    for (size_t i = 0; i < family_count && !failed; i++) {
        if (wanted[i])
            failed = append_family(body, metrics->page, family, style);
        family = atomic_load_explicit(&family->next, memory_order_acquire);
    }
    if (!failed && style->kind == EX_STYLE_OPENMETRICS)
        failed = ex_body_append_copy(body, fo_str_of("# EOF\n"));
    return failed;
}

/* Packs, when asked to and worth it, and seals. `raw` is taken. */
static int finish(struct ex_metrics *metrics, struct ex_body *raw, enum ex_encoding encoding,
                  struct ex_body **ret_body) {
    struct ex_body *body = raw;
    int failed = 0;

    if (encoding != EX_IDENTITY && ex_body_size(raw) >= PACK_MIN_BYTES)
        failed = ex_pack_body(metrics->packer, raw, encoding, &body);
    if (body != raw)
        ex_body_unref(raw);
    if (!failed)
        failed = ex_body_seal(body);
    if (failed)
        ex_body_unref(body);
    else
        *ret_body = body;
    return failed;
}

static int make_page(struct ex_metrics *metrics, const struct ex_render_request *request,
                     const bool *wanted, size_t family_count, struct ex_body **ret_body) {
    struct ex_style style = style_of(request);
    struct ex_body *body = ex_body_new(EX_IDENTITY);
    int failed = body ? ex_page_update(metrics->page, &style, wanted, family_count) : -ENOMEM;

    if (!failed)
        failed = append_page(body, metrics, &style, wanted, family_count);
    if (!ex_style_is_kept(&style))
        ex_page_forget_unkept(metrics->page);
    if (failed) {
        ex_body_unref(body);
        return failed;
    }
    return finish(metrics, body, request->encoding, ret_body);
}

/* One scrape, from the values to the body. */
static int scrape(struct ex_metrics *metrics, const struct ex_render_request *request,
                  struct ex_body **ret_body) {
    int failed = ex_metrics_take_in(metrics);

    if (failed)
        return failed;
    for (const struct ex_collector *c = metrics->collectors; c; c = c->next)
        c->collect(c->arg);
    size_t family_count = atomic_load_explicit(&metrics->family_count, memory_order_acquire);
    bool *wanted = calloc(family_count + 1, sizeof *wanted);
    if (!wanted)
        return -ENOMEM;
    const struct ex_family *family = ex_metrics_next_family(metrics, NULL);
    for (size_t i = 0; i < family_count; family = ex_metrics_next_family(metrics, family))
        wanted[i++] = is_wanted(family, request);
    failed = make_page(metrics, request, wanted, family_count, ret_body);
    free(wanted);
    return failed;
}

/* ---- sharing ---- */

/* Requests of the same kind get the same page. */
static unsigned kind_of(const struct ex_render_request *request) {
    struct ex_style style = style_of(request);

    return (unsigned)style.kind | (unsigned)style.dots << 2 | (unsigned)style.created << 3 |
           (unsigned)request->encoding << 4;
}

/* Keeps a body for those who wait; with nobody waiting it would only take memory. */
static void share(struct ex_metrics *metrics, const struct ex_render_request *request,
                  uint64_t number, struct ex_body *body) {
    bool wanted = atomic_load(&metrics->waiting_scrapes) > 0 && !is_filtered(request);

    ex_body_unref(metrics->shared.body);
    metrics->shared =
        (struct ex_shared_body){wanted ? ex_body_ref(body) : NULL, number, kind_of(request)};
}

/* A body that was begun after `seen` scrapes is as new as one begun now would have been to whoever
 * asked then. */
static int scrape_or_share(struct ex_metrics *metrics, const struct ex_render_request *request,
                           uint64_t seen, struct ex_body **ret_body) {
    const struct ex_shared_body *shared = &metrics->shared;

    if (shared->body && shared->number > seen && shared->kind == kind_of(request) &&
        !is_filtered(request)) {
        *ret_body = ex_body_ref(shared->body);
        return 0;
    }
    uint64_t number = atomic_fetch_add(&metrics->scrapes, 1) + 1;
    int failed = scrape(metrics, request, ret_body);
    if (!failed)
        share(metrics, request, number, *ret_body);
    return failed;
}

int ex_metrics_render(struct ex_metrics *metrics, const struct ex_render_request *request,
                      struct ex_body **ret_body) {
    uint64_t seen = atomic_load(&metrics->scrapes);
    struct ex_body *body = NULL;

    atomic_fetch_add(&metrics->waiting_scrapes, 1);
    (void)pthread_mutex_lock(&metrics->scrape_lock);
    atomic_fetch_sub(&metrics->waiting_scrapes, 1);
    int failed = scrape_or_share(metrics, request, seen, &body);
    (void)pthread_mutex_unlock(&metrics->scrape_lock);
    if (failed)
        return failed;
    if (request->max_bytes > 0 && ex_body_size(body) > request->max_bytes) {
        ex_body_unref(body);
        return -EMSGSIZE;
    }
    *ret_body = body;
    return 0;
}
