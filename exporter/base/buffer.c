/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/digits.h"

enum { SMALLEST_CAPACITY = 64 };

void ex_buffer_init(struct ex_buffer *buffer, size_t ceiling) {
    *buffer = (struct ex_buffer){.ceiling = ceiling};
}

void ex_buffer_done(struct ex_buffer *buffer) {
    free(buffer->bytes);
    ex_buffer_init(buffer, buffer->ceiling);
}

void ex_buffer_reset(struct ex_buffer *buffer) {
    buffer->failure = 0;
    ex_buffer_truncate(buffer, 0);
}

void ex_buffer_truncate(struct ex_buffer *buffer, size_t len) {
    if (buffer->bytes && len <= buffer->len) {
        buffer->len = len;
        buffer->bytes[len] = '\0';
    }
}

static size_t grown_capacity(const struct ex_buffer *buffer, size_t needed) {
    size_t capacity = buffer->capacity ? buffer->capacity : SMALLEST_CAPACITY;

    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    return capacity;
}

char *ex_buffer_grow(struct ex_buffer *buffer, size_t len) {
    if (buffer->failure)
        return NULL;
    if (len > buffer->ceiling - buffer->len) {
        buffer->failure = -EMSGSIZE;
        return NULL;
    }

    size_t needed = buffer->len + len + 1;
    if (needed > buffer->capacity) {
        size_t capacity = grown_capacity(buffer, needed);
        char *bytes = realloc(buffer->bytes, capacity);
        if (!bytes) {
            buffer->failure = -ENOMEM;
            return NULL;
        }
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    return buffer->bytes + buffer->len;
}

void ex_buffer_append_u64(struct ex_buffer *buffer, uint64_t value) {
    char digits[EX_DIGITS_MAX];

    ex_buffer_append(buffer, digits, ex_digits(value, digits));
}

void ex_buffer_append_i64(struct ex_buffer *buffer, int64_t value) {
    if (value < 0)
        ex_buffer_append_char(buffer, '-');
    ex_buffer_append_u64(buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void ex_buffer_printf(struct ex_buffer *buffer, const char *format, ...) {
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *room = len < 0 ? NULL : ex_buffer_reserve(buffer, (size_t)len);
    if (room) {
        (void)vsnprintf(room, (size_t)len + 1, format, again);
        ex_buffer_commit(buffer, (size_t)len);
    }
    va_end(again);
}

const char *ex_buffer_text(const struct ex_buffer *buffer) {
    return buffer->bytes ? buffer->bytes : "";
}

struct fo_str ex_buffer_str(const struct ex_buffer *buffer) {
    return (struct fo_str){ex_buffer_text(buffer), buffer->len};
}

char *ex_buffer_take(struct ex_buffer *buffer, size_t *ret_len) {
    char *bytes = buffer->bytes;

    *ret_len = buffer->len;
    ex_buffer_init(buffer, buffer->ceiling);
    return bytes;
}
