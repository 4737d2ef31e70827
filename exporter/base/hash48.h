/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/hash48.h - a short fingerprint of a text, the same in every process.
 * Owns: nothing. Threads: any. */
#ifndef EX_BASE_HASH48_H
#define EX_BASE_HASH48_H

#include <stdint.h>

#include "failover/types.h"

/* 48 bits, which a sample of a metric holds exactly. Not for tables that strangers fill: it has no
 * seed. */
uint64_t ex_hash48(struct fo_str text);

#endif
