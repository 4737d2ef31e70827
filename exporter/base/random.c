/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

uint64_t ex_random_seed(void) {
    uint64_t seed;

    /* Up to 256 bytes the kernel answers in one piece, or there is no randomness to be had at all.
     */
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        abort();
    return seed;
}

uint64_t ex_random_next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void ex_random_hex(char *text, size_t count) {
    uint64_t state = ex_random_seed();

    for (size_t i = 0; i < count; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", (unsigned)(ex_random_next(&state) & 0xffu));
}
