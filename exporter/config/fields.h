/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/fields.h - the members of one map of a file, read with their types.
 *
 * Every reader leaves its output alone when the member is not there or is null, so that outputs
 * start as the defaults. Scalars are read by their source text. On a mistake the error names the
 * key and the line: -EINVAL. -ENOMEM.
 * Owns: nothing. Threads: none. */
#ifndef EX_CONFIG_FIELDS_H
#define EX_CONFIG_FIELDS_H

#include <stdbool.h>

#include "exporter/config/tree.h"

struct ex_fields {
    const struct ex_tree *tree; /* borrowed, as is `object` */
    json_t *object;
    const char *what; /* how errors name the map: "vertex", "edge" */
    int line;
    struct fo_error *reterr;
};

/* A map with no keys but `keys` (NULL-terminated; NULL = any). `line` is where the map begins; it
 * is told when `node` is no map. -EINVAL: not a map, or an unknown key (told with the nearest one).
 */
FO_MUST_CHECK int ex_fields_open(const struct ex_tree *tree, json_t *node, const char *what,
                                 const char *const *keys, struct ex_fields *ret_fields,
                                 struct fo_error *reterr);

/* The same for a member that must be a map or absent. 1: it is there; 0: not. */
FO_MUST_CHECK int ex_fields_open_member(const struct ex_fields *fields, const char *key,
                                        const char *const *keys, struct ex_fields *ret_fields);

bool ex_field_is_set(const struct ex_fields *fields, const char *key);

/* The line of the member's key, else that of the map. */
int ex_field_line(const struct ex_fields *fields, const char *key);

/* "KEY: text" at the line of the member. Returns -EINVAL. */
int ex_field_refuse(const struct ex_fields *fields, const char *key, const char *format, ...)
    FO_PRINTF(3, 4);

/* Returns -ENOMEM, told as such. */
int ex_fields_no_memory(const struct ex_fields *fields);

/* Whether a name can be a folder and a label: 1 to `max` letters, digits, `_`, `.` and `-`, the
 * first of them no `.` or `-`. EX_PLAIN_NAME says it to people; its %d is `max`. */
bool ex_is_plain_name(struct fo_str name, size_t max);
#define EX_PLAIN_NAME "1 to %d letters, digits, _, . and -, the first no . or -"

/* A scalar's text; borrowed from the tree. */
FO_MUST_CHECK int ex_field_str(const struct ex_fields *fields, const char *key,
                               struct fo_str *ret_text);
/* The same, copied; the caller frees *ret_text. */
FO_MUST_CHECK int ex_field_text(const struct ex_fields *fields, const char *key, char **ret_text);
FO_MUST_CHECK int ex_field_bool(const struct ex_fields *fields, const char *key, bool *ret_value);
FO_MUST_CHECK int ex_field_u32(const struct ex_fields *fields, const char *key, uint32_t least,
                               uint32_t most, uint32_t *ret_value);
FO_MUST_CHECK int ex_field_double(const struct ex_fields *fields, const char *key, double least,
                                  double most, double *ret_value);
FO_MUST_CHECK int ex_field_bytes(const struct ex_fields *fields, const char *key, uint64_t least,
                                 uint64_t *ret_bytes);
/* At most EX_FIELD_MS_MAX, so that a time and a duration can be added. */
#define EX_FIELD_MS_MAX INT64_C(3153600000000) /* 36 500 days */
FO_MUST_CHECK int ex_field_ms(const struct ex_fields *fields, const char *key, int64_t least,
                              int64_t *ret_ms);
/* One of `words` (NULL-terminated): its index. */
FO_MUST_CHECK int ex_field_word(const struct ex_fields *fields, const char *key,
                                const char *const *words, unsigned *ret_index);

/* A member that must be a list or absent: the list, borrowed; NULL. */
FO_MUST_CHECK int ex_field_list(const struct ex_fields *fields, const char *key,
                                const json_t **ret_list);

#endif
