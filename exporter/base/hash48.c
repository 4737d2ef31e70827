/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/hash48.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t ex_hash48(struct fo_str text) {
    return XXH3_64bits(text.ptr, text.len) >> 16;
}
