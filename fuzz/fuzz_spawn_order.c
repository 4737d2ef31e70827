/* SPDX-License-Identifier: Apache-2.0 */
/* The spawner's reading of a start request: the first byte is the number of descriptors that came
 * with it, the rest the message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/spawn/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ex_spawn_order order;

    if (size == 0 || size > EX_SPAWN_MESSAGE_MAX_BYTES)
        return 0;
    char *message = malloc(size - 1 > 0 ? size - 1 : 1); /* exact, for the sanitizer to watch */
    if (!message)
        return 0;
    memcpy(message, data + 1, size - 1);
    if (ex_spawn_order_read(message, size - 1, data[0], &order) == 0) {
        size_t total = strlen(order.directory);
        for (char **argument = order.arguments; *argument; argument++)
            total += strlen(*argument);
        for (char **setting = order.environment + 1; *setting; setting++)
            total += strlen(*setting);
        for (uint32_t i = 0; i < order.start.map_count; i++)
            if (order.map[i].index >= data[0] || order.map[i].target >= EX_SPAWN_TARGET_MAX)
                abort();
        if (total > size)
            abort();
    }
    free(message);
    return 0;
}
