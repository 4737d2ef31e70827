/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/codec.h"

int fo_writer_flush(struct fo_writer *writer) {
    if (writer->failure == 0 && writer->count > 0)
        writer->failure = writer->write(writer->ctx, writer->bytes, writer->count);
    writer->count = 0;
    return writer->failure;
}

static void put(struct fo_writer *writer, uint64_t value, size_t size) {
    if (writer->count + size > sizeof writer->bytes)
        (void)fo_writer_flush(writer);
    for (size_t i = 0; i < size; i++)
        writer->bytes[writer->count++] = (uint8_t)(value >> (8 * i));
}

void fo_write_u8(struct fo_writer *writer, uint8_t value) {
    put(writer, value, sizeof value);
}

void fo_write_u32(struct fo_writer *writer, uint32_t value) {
    put(writer, value, sizeof value);
}

void fo_write_u64(struct fo_writer *writer, uint64_t value) {
    put(writer, value, sizeof value);
}

void fo_write_i64(struct fo_writer *writer, int64_t value) {
    put(writer, (uint64_t)value, sizeof value);
}

static uint64_t get(struct fo_reader *reader, size_t size) {
    uint64_t value = 0;

    if (reader->left < size) {
        reader->is_bad = true;
        reader->left = 0;
        return 0;
    }
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)reader->next[i] << (8 * i);
    reader->next += size;
    reader->left -= size;
    return value;
}

uint32_t fo_read_u32(struct fo_reader *reader) {
    return (uint32_t)get(reader, sizeof(uint32_t));
}

uint64_t fo_read_u64(struct fo_reader *reader) {
    return get(reader, sizeof(uint64_t));
}

int64_t fo_read_i64(struct fo_reader *reader) {
    return (int64_t)get(reader, sizeof(int64_t));
}

static uint64_t get_below(struct fo_reader *reader, size_t size, uint64_t limit) {
    uint64_t value = get(reader, size);

    if (value < limit)
        return value;
    reader->is_bad = true;
    return 0;
}

uint8_t fo_read_u8_below(struct fo_reader *reader, uint8_t limit) {
    return (uint8_t)get_below(reader, sizeof(uint8_t), limit);
}

uint32_t fo_read_u32_below(struct fo_reader *reader, uint32_t limit) {
    return (uint32_t)get_below(reader, sizeof(uint32_t), limit);
}
