/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/protocol.h - what a listener child says: one JSON object per line on its
 * standard output.
 *   first   {"name":"my-team","version":"1","output_keys":["team"],"events":["failure"]}
 *           {...,"acknowledges":100}: it says of each event what has become of it
 *   answer  {"completion":7,"labels":{"team":"a"}}  {"completion":7,"tag":"a"}
 *           {"completion":7,"error":"..."}  {"completion":7}
 *   done    {"delivered":9}: of the event that came with "delivery":9
 *   log     {"log":{"level":"info","message":"..."}}
 *   metric  {"metric":{"name":"hits","type":"counter","help":"...","labels":["kind"]}}
 *           {"metric":{"name":"hits","values":["a"],"value":1}}
 * What it reads: first {"protocol":1,"config":{...}}, then events (exporter/events/event.h).
 * All of it is hostile input. Owns: a line owns its tree, its texts are borrowed from it.
 * Threads: none, the caller serialises. */
#ifndef EX_CHILDREN_PROTOCOL_H
#define EX_CHILDREN_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>

#include "exporter/base/buffer.h"
#include "failover/types.h"

enum {
    EX_CHILD_PROTOCOL = 1,
    EX_CHILD_LINE_MAX_BYTES = 64 * 1024,
    EX_CHILD_KEYS_MAX = 32,
    EX_CHILD_WINDOW_MAX = 10000,  /* events that a child may take before it acknowledges one */
    EX_CHILD_LABELS_MAX = 64,     /* in one answer */
    EX_CHILD_KEY_MAX_BYTES = 128, /* of an output key; it becomes a label name */
    EX_CHILD_VALUE_MAX_BYTES = 4096,
    EX_CHILD_METRIC_LABELS_MAX = 8,
    EX_CHILD_BUCKETS_MAX = 64,
    EX_CHILD_METRIC_NAME_MAX_BYTES = 64,
};

/* Events that a child wants, bits: 1 << kind of exporter/events/event.h. */
#define EX_CHILD_WANTS(kind_) (1u << (kind_))

struct ex_child_hello {
    struct fo_str name;
    struct fo_str version;
    struct fo_str keys[EX_CHILD_KEYS_MAX];
    uint32_t key_count;
    uint32_t events; /* failures when it names none */
    uint32_t window; /* events other than failures that it takes unacknowledged; 0 = it is told of
                        them and never says what became of them */
    json_t *root;
};

/* -EINVAL: not the first line that is wanted; `reterr` says what is wrong. -E2BIG. On an error
 * nothing is to be ended. */
FO_MUST_CHECK int ex_child_hello_parse(struct fo_str line, struct ex_child_hello *ret_hello,
                                       struct fo_error *reterr);
void ex_child_hello_done(struct ex_child_hello *hello);

/* Whether a text is a label name, [a-zA-Z_][a-zA-Z0-9_]*, that is not reserved. */
bool ex_child_key_is_label(struct fo_str key);

enum ex_child_line_kind {
    EX_CHILD_ANSWER,
    EX_CHILD_TAG,
    EX_CHILD_ERROR,     /* text */
    EX_CHILD_DELIVERED, /* delivery */
    EX_CHILD_LOG,       /* level, text */
    EX_CHILD_METRIC_NEW,
    EX_CHILD_METRIC_UPDATE,
};

enum ex_child_metric_type { EX_CHILD_COUNTER, EX_CHILD_GAUGE, EX_CHILD_HISTOGRAM };

struct ex_child_metric {
    const char *name;
    const char *help;
    enum ex_child_metric_type type;
    const char *label_names[EX_CHILD_METRIC_LABELS_MAX];
    struct fo_str values[EX_CHILD_METRIC_LABELS_MAX];
    uint32_t label_count; /* of label_names, or of values */
    double buckets[EX_CHILD_BUCKETS_MAX];
    uint32_t bucket_count;
    double value;
};

struct ex_child_line {
    enum ex_child_line_kind kind;
    uint64_t completion; /* of an answer, a tag, an error */
    uint64_t delivery;   /* of an event that it is done with */
    struct fo_label labels[EX_CHILD_LABELS_MAX];
    uint32_t label_count;
    struct fo_str text; /* the tag, the error, the log line */
    int level;          /* enum fl_log_level */
    struct ex_child_metric metric;
    json_t *root;
};

/* -EINVAL: none of the lines above. -E2BIG: over a limit. On an error nothing is to be ended. */
FO_MUST_CHECK int ex_child_line_parse(struct fo_str line, struct ex_child_line *ret_line);
void ex_child_line_done(struct ex_child_line *line);

/* Appends the daemon's first line. `config` may be NULL. */
void ex_child_write_config(struct ex_buffer *out, const json_t *config);

#endif
