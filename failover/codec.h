/* SPDX-License-Identifier: Apache-2.0 */
/* failover/codec.h - numbers as little-endian bytes: written in pieces, read with every length
 * checked; and the frame of a saved job.
 * Owns: nothing. Threads: any, one per writer or reader. */
#ifndef FAILOVER_CODEC_H
#define FAILOVER_CODEC_H

#include "failover/failover.h"

/* A saved job begins with these two. */
#define FO_SAVE_MAGIC 0x4a4f4f46u /* "FOOJ" */
#define FO_SAVE_VERSION 2u

/* Collects small numbers; `failure` is the first that `write` answered, nothing is written then. */
struct fo_writer {
    fo_write write;
    void *ctx;
    int failure;
    size_t count;
    uint8_t bytes[512];
};

void fo_write_u8(struct fo_writer *writer, uint8_t value);
void fo_write_u32(struct fo_writer *writer, uint32_t value);
void fo_write_u64(struct fo_writer *writer, uint64_t value);
void fo_write_i64(struct fo_writer *writer, int64_t value);
/* Hands on what is collected; returns `failure`. */
int fo_writer_flush(struct fo_writer *writer);

/* Reads; past the end, 0 is read and `is_bad` set. */
struct fo_reader {
    const uint8_t *next;
    size_t left;
    bool is_bad;
};

uint32_t fo_read_u32(struct fo_reader *reader);
uint64_t fo_read_u64(struct fo_reader *reader);
int64_t fo_read_i64(struct fo_reader *reader);
/* A number below `limit`; any other is bad. */
uint8_t fo_read_u8_below(struct fo_reader *reader, uint8_t limit);
uint32_t fo_read_u32_below(struct fo_reader *reader, uint32_t limit);

#endif
