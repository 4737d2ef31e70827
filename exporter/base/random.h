/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/random.h - even random bits, from the kernel once and then from a small generator.
 * For jitter and table seeds, never for secrets. Threads: any; a state belongs to one caller. */
#ifndef EX_BASE_RANDOM_H
#define EX_BASE_RANDOM_H

#include "failover/types.h"

/* A seed from the kernel. */
uint64_t ex_random_seed(void);

/* 64 even bits (splitmix64); any start state will do. */
uint64_t ex_random_next(uint64_t *state);

/* Writes `count` random bytes as 2 * count lower-case hex digits and a NUL. */
void ex_random_hex(char *text, size_t count);

#endif
