/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/base/name_table.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

enum { FIRST_SIZE = 64 };

void ex_name_table_init(struct ex_name_table *table, uint64_t seed) {
    *table = (struct ex_name_table){.seed = seed};
}

void ex_name_table_done(struct ex_name_table *table) {
    free(table->places);
    *table = (struct ex_name_table){.seed = table->seed};
}

static struct ex_name_node **place_of(const struct ex_name_table *table, struct fo_str name) {
    uint64_t hash = XXH3_64bits_withSeed(name.len > 0 ? name.ptr : "", name.len, table->seed);

    return &table->places[hash & (table->size - 1)];
}

/* Nodes keep their order: the newest of a name stays the first. */
static void move_all(struct ex_name_table *table, struct ex_name_node **places, size_t size) {
    for (size_t i = 0; i < size; i++) {
        struct ex_name_node *node = places[i];
        while (node) {
            struct ex_name_node *next = node->next;
            struct ex_name_node **end = place_of(table, node->name);
            while (*end)
                end = &(*end)->next;
            node->next = NULL;
            *end = node;
            node = next;
        }
    }
}

static int grow(struct ex_name_table *table) {
    struct ex_name_node **old = table->places;
    size_t old_size = table->size;
    size_t size = old_size > 0 ? 2 * old_size : FIRST_SIZE;
    struct ex_name_node **places = calloc(size, sizeof(struct ex_name_node *));

    if (!places)
        return -ENOMEM;
    table->places = places;
    table->size = size;
    move_all(table, old, old_size);
    free(old);
    return 0;
}

int ex_name_table_add(struct ex_name_table *table, struct ex_name_node *node) {
    int ret = table->count >= table->size ? grow(table) : 0;

    if (ret < 0)
        return ret;
    struct ex_name_node **place = place_of(table, node->name);
    node->next = *place;
    *place = node;
    table->count++;
    return 0;
}

void ex_name_table_remove(struct ex_name_table *table, struct ex_name_node *node) {
    struct ex_name_node **place = place_of(table, node->name);

    while (*place != node)
        place = &(*place)->next;
    *place = node->next;
    table->count--;
}

static struct ex_name_node *skip_others(struct ex_name_node *node, struct fo_str name) {
    while (node && !fo_str_equal(node->name, name))
        node = node->next;
    return node;
}

struct ex_name_node *ex_name_table_find(const struct ex_name_table *table, struct fo_str name) {
    return table->size > 0 ? skip_others(*place_of(table, name), name) : NULL;
}

struct ex_name_node *ex_name_table_next(const struct ex_name_node *node) {
    return skip_others(node->next, node->name);
}
