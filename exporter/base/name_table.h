/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/name_table.h - finds things by name: a hash table of nodes that stand in the things
 * themselves. Several may have one name: the newest comes first. The hash is seeded, for names come
 * from outside. Owns: its places. Threads: none, the caller serialises. */
#ifndef EX_BASE_NAME_TABLE_H
#define EX_BASE_NAME_TABLE_H

#include "failover/types.h"

struct ex_name_node {
    struct ex_name_node *next; /* the table's */
    struct fo_str name;        /* borrowed while it is in the table */
};

struct ex_name_table {
    struct ex_name_node **places;
    size_t size; /* of them: a power of two, or 0 */
    size_t count;
    uint64_t seed;
};

void ex_name_table_init(struct ex_name_table *table, uint64_t seed);
/* Its nodes are left as they are. */
void ex_name_table_done(struct ex_name_table *table);

/* `node->name` must be set. 0 or -ENOMEM. */
FO_MUST_CHECK int ex_name_table_add(struct ex_name_table *table, struct ex_name_node *node);
/* One that is in the table. */
void ex_name_table_remove(struct ex_name_table *table, struct ex_name_node *node);

/* The newest of a name, and the next older one; NULL: none. */
struct ex_name_node *ex_name_table_find(const struct ex_name_table *table, struct fo_str name);
struct ex_name_node *ex_name_table_next(const struct ex_name_node *node);

#endif
