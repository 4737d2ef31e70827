/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/exemplar.h"

#include <errno.h>

#include "exporter/metrics/group.h"
#include "exporter/metrics/labeltext.h"
#include "exporter/metrics/series.h"

enum { TEXT_ROOM_BYTES = 2 * EX_EXEMPLAR_CODE_POINTS };

static int label_text(struct ex_buffer *text, const struct fo_label *labels, size_t count) {
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        size_t points = labels[i].value.len;
        bool plain = ex_label_is_plain(labels[i].value, SIZE_MAX);
        if (!ex_label_name_is_legal(labels[i].key) ||
            (!plain && !ex_utf8_is_valid(labels[i].value, &points)))
            return -EINVAL;
        total += labels[i].key.len + points;
        if (total > EX_EXEMPLAR_CODE_POINTS)
            return -EINVAL;
        ex_label_start(text, labels[i].key);
        (void)ex_label_escape(text, labels[i].value, SIZE_MAX);
        ex_buffer_append_char(text, '"');
    }
    return text->failure;
}

static void store(struct ex_words *words, size_t i, uint64_t word) {
    atomic_store_explicit(&words->word[i], word, memory_order_release);
}

static void store_text(struct ex_words *words, struct fo_str text) {
    size_t i = EX_EXEMPLAR_TEXT;

    for (size_t at = 0; at < text.len; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t left = text.len - at;
        memcpy(&word, text.ptr + at, left < sizeof word ? left : sizeof word);
        store(words, i++, word);
    }
    store(words, EX_EXEMPLAR_LEN, text.len);
    atomic_store_explicit(&words->used, i, memory_order_release);
}

static int replace(struct ex_series *series, double value, int64_t time_ms, struct fo_str text) {
    size_t needed = EX_EXEMPLAR_TEXT + (text.len + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    struct ex_extra *extra;
    int failed = ex_series_extra(series, &extra);

    if (failed)
        return failed;
    struct ex_words *words = ex_track_reserve(series, &extra->exemplar, needed);
    if (!words)
        return -ENOMEM;
    bool opened = ex_group_open(series->cell->group);
    store(words, EX_EXEMPLAR_VALUE, ex_bits_of(value));
    store(words, EX_EXEMPLAR_TIME, (uint64_t)time_ms);
    store_text(words, text);
    ex_group_close(series->cell->group, opened);
    return 0;
}

int ex_series_exemplar(struct ex_series *series, double value, int64_t time_ms,
                       const struct fo_label *labels, size_t label_count) {
    enum ex_family_type type = series->cell->family->spec.type;
    struct ex_buffer text;

    if (type != EX_COUNTER && type != EX_HISTOGRAM)
        return -EINVAL;
    ex_buffer_init(&text, UINT16_MAX);
    (void)ex_buffer_reserve(&text, TEXT_ROOM_BYTES); /* so that it seldom grows */
    int failed = label_text(&text, labels, label_count);
    if (!failed)
        failed = replace(series, value, time_ms, ex_buffer_str(&text));
    ex_buffer_done(&text);
    return failed;
}

bool ex_exemplar_shown(const struct ex_series *series, struct ex_exemplar *ret_exemplar) {
    struct ex_extra *extra = atomic_load_explicit(&series->extra, memory_order_acquire);
    const uint64_t *words = extra ? extra->exemplar.shown : NULL;

    if (!words || extra->exemplar.shown_len < EX_EXEMPLAR_TEXT)
        return false;
    ret_exemplar->value = ex_double_of(words[EX_EXEMPLAR_VALUE]);
    ret_exemplar->time_ms = (int64_t)words[EX_EXEMPLAR_TIME];
    ret_exemplar->labels =
        (struct fo_str){(const char *)(words + EX_EXEMPLAR_TEXT), words[EX_EXEMPLAR_LEN]};
    return true;
}
