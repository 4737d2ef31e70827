/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/catalogue/read_value.h - what the parts of the rule reader share; for this room only.
 * Every function that returns an int returns 0, or the negative errno that it put into the reader's
 * error together with file, line and rule.
 * Threads: none, the caller serialises. */
#ifndef LISTENERS_CATALOGUE_READ_VALUE_H
#define LISTENERS_CATALOGUE_READ_VALUE_H

#include <jansson.h>

#include "listeners/catalogue/reader.h"

struct catalogue_reader {
    struct catalogue_arena *arena;
    const struct catalogue_source *source;
    struct catalogue_texts causes; /* that the source declares */
    struct catalogue_rule at;      /* names file, line and rule of what is being read */
    struct fo_error *reterr;
};

#define catalogue_refuse(reader_, ...)                                                             \
    catalogue_error((reader_)->reterr, -EINVAL, &(reader_)->at, __VA_ARGS__)

int catalogue_no_memory(struct catalogue_reader *reader);

/* Remembers the line of a node for the errors to come. */
void catalogue_look_at(struct catalogue_reader *reader, json_t *node);

/* A string of the tree; empty when the node is none. Borrowed. */
struct fo_str catalogue_node_text(json_t *node);

/* A list, or one value that stands for a list of one. */
size_t catalogue_list_count(json_t *node);
json_t *catalogue_list_at(json_t *node, size_t index);

/* That a list is not too long; and, of alternatives, not empty: that key would never hold. */
int catalogue_check_list(struct catalogue_reader *reader, const char *key, json_t *node);
int catalogue_check_alternatives(struct catalogue_reader *reader, const char *key, json_t *node);

/* Copies into the arena. No text of a list may be empty. */
int catalogue_read_text(struct catalogue_reader *reader, const char *key, json_t *node,
                        struct fo_str *ret_text);
int catalogue_read_texts(struct catalogue_reader *reader, const char *key, json_t *node,
                         struct catalogue_texts *ret_texts);

int catalogue_read_signal(struct catalogue_reader *reader, json_t *node, int *ret_number);

/* Adds the bits of the words to *ret_evidence. */
int catalogue_read_evidence(struct catalogue_reader *reader, json_t *node, unsigned *ret_evidence);

/* A key that a map may have, and what reads its value into the rule. */
struct catalogue_key {
    const char *name;
    int (*read)(struct catalogue_reader *reader, json_t *node, struct catalogue_rule *rule);
};
int catalogue_read_map(struct catalogue_reader *reader, json_t *node,
                       const struct catalogue_key *keys, size_t key_count,
                       struct catalogue_rule *rule);

/* The values of `match` and of `tests`. */
int catalogue_read_match(struct catalogue_reader *reader, json_t *node,
                         struct catalogue_rule *rule);
int catalogue_read_tests(struct catalogue_reader *reader, json_t *node,
                         struct catalogue_rule *rule);

#endif
