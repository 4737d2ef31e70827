/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/plain.h - whether a text can stand between quotes as it is, in JSON as in a label:
 * printable ASCII without quote and backslash. Nearly every text is, and is then copied in one
 * piece. Owns: nothing. Threads: any. */
#ifndef EX_BASE_PLAIN_H
#define EX_BASE_PLAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "failover/types.h"

/* Eight bytes at a time; a byte's high bit is set in each term when it is of that kind. */
static inline bool ex_plain_word(uint64_t word) {
    const uint64_t ones = 0x0101010101010101;
    const uint64_t high = 0x8080808080808080;
    uint64_t quote = word ^ ones * '"';
    uint64_t backslash = word ^ ones * '\\';
    uint64_t kinds = word | (word + ones);        /* not ASCII; 0x7f */
    kinds |= (word - ones * 0x20) & ~word;        /* a control character */
    kinds |= (quote - ones) | (backslash - ones); /* was equal, when the rest is plain */
    return (kinds & high) == 0;
}

static inline bool ex_plain_is(struct fo_str text) {
    char tail[sizeof(uint64_t)] = "        ";
    uint64_t word;
    size_t i = 0;

    for (; i + sizeof word <= text.len; i += sizeof word) {
        memcpy(&word, text.ptr + i, sizeof word);
        if (!ex_plain_word(word))
            return false;
    }
    if (i < text.len)
        memcpy(tail, text.ptr + i, text.len - i);
    memcpy(&word, tail, sizeof word);
    return ex_plain_word(word);
}

#endif
