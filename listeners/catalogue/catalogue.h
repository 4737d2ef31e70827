/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/catalogue/catalogue.h - says what kind of failure a failure is.
 * A catalogue is a set of rules (the built-in ones and those of the user's files), compiled once.
 * catalogue_classify() judges the evidence of one dead attempt against all of them: one scan of its
 * output whatever the number of rules, linear whatever their expressions, nothing learnt from one
 * call to the next.
 *
 * Which rule decides: first the rules that rest on text, an exception, a platform's word or
 * evidence; rules that rest on an exit code or a signal alone are asked only when none of those
 * matched. Among them the highest priority, then the newest match (later in the output; facts about
 * the death itself are newer than any output), then the order of the files.
 *
 * Owns: a catalogue owns everything that its verdicts' labels point to.
 * Threads: a finished catalogue never changes and may be used by any number of threads at once,
 * each with a scratch of its own. To reload, make a new one and swap the pointer: when making it
 * fails, nothing has happened to the old one. */
#ifndef LISTENERS_CATALOGUE_CATALOGUE_H
#define LISTENERS_CATALOGUE_CATALOGUE_H

#include <stdbool.h>

#include "failover/types.h"

struct json_t; /* jansson's */
struct catalogue;
struct catalogue_scratch;

enum {
    CATALOGUE_HEAD_MAX_BYTES = 64 * 1024,
    CATALOGUE_TAIL_MAX_BYTES = 256 * 1024,
    CATALOGUE_RUNNERS_UP_MAX = 8,
    CATALOGUE_CHAIN_MAX = 16,
    CATALOGUE_LABELS_MAX = 6,
    CATALOGUE_RULES_MAX = 10000,
    CATALOGUE_EXPRESSION_MAX_BYTES = 1024,
    CATALOGUE_EXCEPTIONS_MAX_BYTES = 64 * 1024, /* of the chain that a platform reports */
    CATALOGUE_SHOWN_MAX_BYTES = 1024            /* of a line in a verdict */
};

/* Evidence that the daemon itself has seen; a set of bits. */
enum catalogue_evidence {
    CATALOGUE_STOP_REQUESTED = 1 << 0,
    CATALOGUE_DEADLINE_EXCEEDED = 1 << 1,
    CATALOGUE_CGROUP_OOM_KILL = 1 << 2,
    CATALOGUE_HEARTBEAT_MISSED = 1 << 3
};

/* The bit of an evidence word (`cgroup_oom_kill`), 0 when it is none. [any] */
unsigned catalogue_evidence_of(struct fo_str word);

/* The number of a signal given as name (with or without SIG) or number, 0 when it is none. [any] */
int catalogue_signal_of(struct fo_str text);

/* Where rules come from. A list of rules, or a map {causes: [...], rules: [...]}. */
struct catalogue_source {
    const char *name;    /* file, as errors show it */
    struct json_t *root; /* borrowed, not changed; NULL = the built-in rules, `name` unused */
    /* Line of a node of the tree, 0 = not known. NULL is allowed. */
    int (*line_of)(const void *line_ctx, const struct json_t *node);
    const void *line_ctx;
};

struct catalogue_options {
    const struct fo_str *disabled; /* ids of rules that are switched off; each must exist */
    size_t disabled_count;
    const struct fo_str *redact; /* expressions of what must never be shown */
    size_t redact_count;
    const char *cache_dir; /* for the compiled form; NULL = not cached. Ours, closed to others. */
    bool compile_builtin;  /* the built-in rules too, although the program holds them compiled: as
                              it is when the matcher's library is another version */
};

/* Makes a catalogue of the sources, in order; everything is copied. `options` may be NULL.
 * 0: the caller owns *ret_catalogue. Otherwise *ret_catalogue is untouched and *reterr names file,
 * line and rule:
 * -EINVAL: unknown or missing key, wrong type, expression outside the subset, label outside the
 *          closed sets, an id to disable that no rule has
 * -EEXIST: two rules of one id
 * -E2BIG: too many rules, or expressions that are too large together
 * -ENOMEM.
 * A cache that is missing, foreign or damaged is no error: the rules are compiled instead. */
FO_MUST_CHECK int catalogue_new(const struct catalogue_source *sources, size_t source_count,
                                const struct catalogue_options *options,
                                struct catalogue **ret_catalogue, struct fo_error *reterr);

/* Ends a catalogue; no scratch made for it may be used afterwards. NULL is allowed; returns NULL.
 */
struct catalogue *catalogue_free(struct catalogue *catalogue);

/* Working memory of one thread, for one catalogue. 0 or -ENOMEM. */
FO_MUST_CHECK int catalogue_scratch_new(const struct catalogue *catalogue,
                                        struct catalogue_scratch **ret_scratch);
struct catalogue_scratch *catalogue_scratch_free(struct catalogue_scratch *scratch);

/* Everything known about the death of an attempt. Zero-initialise it; all is optional, all is
 * borrowed for the call and may hold any byte. */
struct catalogue_input {
    struct fo_str head; /* the output's beginning, or all of it */
    struct fo_str tail; /* its end, when there was more; overlaps nothing of `head` */
    bool cut;           /* output between head and tail is missing */
    bool exited;        /* exit_code is known */
    int exit_code;
    int signal; /* 0 = none */
    struct fo_str runtime;
    struct fo_str platform_reason;
    const struct fo_str *exceptions; /* as the platform reports them: a class, `class: message` or
                                        a whole trace each, outermost first */
    size_t exception_count;
    unsigned evidence; /* of enum catalogue_evidence */
};

/* A rule that matched. Rule, file: borrowed from the catalogue. Matched: the line, or the fact
 * (`exit code 3`), redacted and cut to CATALOGUE_SHOWN_MAX_BYTES, any byte else; borrowed from the
 * input or the scratch, until either changes. */
struct catalogue_match {
    struct fo_str rule;
    struct fo_str file;
    int line;
    int priority;
    struct fo_str matched;
};

/* One link of an exception chain. Borrowed as `matched` is. */
struct catalogue_exception {
    struct fo_str name; /* simple or full, as printed; `panic` for Go and Rust */
    struct fo_str message;
};

struct catalogue_verdict {
    struct fo_str type, category, cause, retry; /* borrowed from the catalogue; never empty */
    bool secondary;                             /* a consequence of another task's failure */
    bool wrapper;                               /* the real cause was not to be seen */
    struct catalogue_match decided_by;          /* rule empty: nothing matched */
    struct catalogue_match runners_up[CATALOGUE_RUNNERS_UP_MAX]; /* best first */
    size_t runner_up_count;
    struct fo_str runtime; /* declared, else found in the output, else empty */
    struct catalogue_exception chain[CATALOGUE_CHAIN_MAX]; /* outermost first, root cause last */
    size_t chain_count;
};

/* Judges one failure. Output longer than the limits above is cut to its head's head and its tail's
 * tail. When nothing matches: type UNKNOWN, category and cause `unknown`, retry `default`. [any]
 * 0, or -ENOMEM with *ret_verdict set as if nothing had matched. */
int catalogue_classify(const struct catalogue *catalogue, const struct catalogue_input *input,
                       struct catalogue_scratch *scratch, struct catalogue_verdict *ret_verdict);

/* The verdict as labels: type, category, cause, retry, and secondary and wrapper (`true`) where
 * they hold. Returns how many. Borrowed from the catalogue. [any] */
size_t catalogue_verdict_labels(const struct catalogue_verdict *verdict,
                                struct fo_label ret_labels[CATALOGUE_LABELS_MAX]);

/* Replaces what the redact expressions match by `***`. *ret_text is `text` itself when there is
 * nothing to hide, else borrowed from the scratch until its next redaction. [any]
 * 0, or -ENOMEM (show nothing then), *ret_text empty. */
FO_MUST_CHECK int catalogue_redact(const struct catalogue *catalogue,
                                   struct catalogue_scratch *scratch, struct fo_str text,
                                   struct fo_str *ret_text);

/* What is in a catalogue. All borrowed from it. [any] */
const char *catalogue_version(const struct catalogue *catalogue); /* of the built-in rules */
const char *catalogue_hash(const struct catalogue *catalogue);    /* of all rules, hex */
size_t catalogue_rule_count(const struct catalogue *catalogue);

/* The pairs of type and category that verdicts can have, that of no match included; each once. */
size_t catalogue_class_count(const struct catalogue *catalogue);
void catalogue_class_at(const struct catalogue *catalogue, size_t index, struct fo_str *ret_type,
                        struct fo_str *ret_category);

/* The causes that verdicts can have: the built-in ones, then those of the rules in force; a cause
 * may come more than once. */
size_t catalogue_cause_count(const struct catalogue *catalogue);
struct fo_str catalogue_cause_at(const struct catalogue *catalogue, size_t index);

/* Something wrong with a rule: an example that fails, an example that another rule decides, a rule
 * that no example reaches. Borrowed for the call. */
struct catalogue_finding {
    struct fo_str rule;
    struct fo_str file;
    int line;
    const char *text;
};

/* Runs every rule's own examples. Returns how many findings there were, or -ENOMEM. */
int catalogue_check(const struct catalogue *catalogue,
                    void (*found)(void *ctx, const struct catalogue_finding *finding), void *ctx);

#endif
