/* SPDX-License-Identifier: Apache-2.0 */
/* Dies by a segmentation fault; or, asked to `hoard`, takes memory until it is killed for it. */
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 1 << 20 };

static volatile char *volatile nowhere;

int main(int count, char **arguments) {
    while (count > 1 && strcmp(arguments[1], "hoard") == 0) {
        char *piece = malloc(PIECE_BYTES);
        if (!piece)
            return 1;
        memset(piece, 1, PIECE_BYTES);
    }
    *nowhere = 1;
    return 0;
}
