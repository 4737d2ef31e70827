/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/protocol.h"

#include <errno.h>
#include <stdbool.h>

static const char *const step_names[EX_SPAWN_STEP_COUNT] = {
    [EX_SPAWN_STEP_REQUEST] = "request", [EX_SPAWN_STEP_CLONE] = "new process",
    [EX_SPAWN_STEP_CGROUP] = "cgroup",   [EX_SPAWN_STEP_DESCRIPTORS] = "descriptors",
    [EX_SPAWN_STEP_LIMITS] = "limits",   [EX_SPAWN_STEP_DIRECTORY] = "working directory",
    [EX_SPAWN_STEP_USER] = "user",       [EX_SPAWN_STEP_EXEC] = "exec",
};

const char *ex_spawn_step_name(uint32_t step) {
    return step < EX_SPAWN_STEP_COUNT ? step_names[step] : "?";
}

/* The part of the message that was not read yet. */
struct rest {
    char *bytes;
    size_t len;
};

static char *take_string(struct rest *rest) {
    char *text = rest->bytes;
    char *end = rest->len > 0 ? memchr(text, '\0', rest->len) : NULL;

    if (!end)
        return NULL;
    rest->len -= (size_t)(end - text) + 1;
    rest->bytes = end + 1;
    return text;
}

static bool take_strings(struct rest *rest, char **strings, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        strings[i] = take_string(rest);
        if (!strings[i])
            return false;
    }
    strings[count] = NULL;
    return true;
}

static bool map_is_sound(const struct ex_spawn_map *map, uint32_t count, uint32_t descriptors) {
    uint64_t taken[EX_SPAWN_TARGET_MAX / 64] = {0};

    for (uint32_t i = 0; i < count; i++) {
        uint32_t target = map[i].target;
        if (map[i].index >= descriptors || target >= EX_SPAWN_TARGET_MAX)
            return false;
        uint64_t bit = UINT64_C(1) << (target % 64);
        if (taken[target / 64] & bit)
            return false;
        taken[target / 64] |= bit;
    }
    return true;
}

int ex_spawn_order_read(char *message, size_t len, uint32_t descriptor_count,
                        struct ex_spawn_order *ret_order) {
    struct ex_spawn_order *order = ret_order;
    struct ex_spawn_start *start = &order->start;
    struct rest rest = {message, len};

    if (len < sizeof *start)
        return -EINVAL;
    memcpy(start, message, sizeof *start);
    if (start->argument_count == 0 || start->argument_count > EX_SPAWN_STRINGS_MAX ||
        start->environment_count > EX_SPAWN_STRINGS_MAX - start->argument_count ||
        start->map_count > EX_SPAWN_TARGET_MAX || start->change_user > 1)
        return -EINVAL;
    rest.bytes += sizeof *start;
    rest.len -= sizeof *start;

    size_t map_bytes = start->map_count * sizeof *order->map;
    if (rest.len < map_bytes)
        return -EINVAL;
    order->map = (const void *)rest.bytes;
    rest.bytes += map_bytes;
    rest.len -= map_bytes;
    if (!map_is_sound(order->map, start->map_count, descriptor_count))
        return -EINVAL;

    order->arguments = order->strings;
    order->environment = order->strings + start->argument_count + 1;
    order->directory = take_string(&rest);
    if (!order->directory || !take_strings(&rest, order->arguments, start->argument_count) ||
        !take_strings(&rest, order->environment + 1, start->environment_count) || rest.len > 0)
        return -EINVAL;
    order->environment[0] = NULL;
    return 0;
}
