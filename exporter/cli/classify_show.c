/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/classify_show.h"

#include <errno.h>
#include <jansson.h>

#include "exporter/base/clean_text.h"

#define SHOWN_MAX_BYTES ((size_t)1 << 20)

static void line_begin(struct ex_buffer *buffer, const char *name) {
    ex_buffer_printf(buffer, "%-10s ", name);
}

static void line(struct ex_buffer *buffer, const char *name, struct fo_str value) {
    if (value.len == 0)
        return;
    line_begin(buffer, name);
    ex_clean_terminal(buffer, value);
    ex_buffer_append_char(buffer, '\n');
}

static void match_line(struct ex_buffer *buffer, const char *name,
                       const struct catalogue_match *match) {
    line_begin(buffer, name);
    ex_buffer_printf(buffer, "%.*s (priority %d, %.*s:%d)\n", (int)match->rule.len, match->rule.ptr,
                     match->priority, (int)match->file.len, match->file.ptr, match->line);
    line(buffer, "", match->matched);
}

static void chain_line(struct ex_buffer *buffer, const struct catalogue_exception *exception,
                       bool first) {
    line_begin(buffer, first ? "exception" : "  cause");
    ex_clean_terminal(buffer, exception->name);
    if (exception->message.len > 0)
        ex_buffer_append_text(buffer, ": ");
    ex_clean_terminal(buffer, exception->message);
    ex_buffer_append_char(buffer, '\n');
}

int ex_classify_show_text(const struct catalogue_verdict *verdict, FILE *out) {
    struct fo_label labels[CATALOGUE_LABELS_MAX];
    size_t count = catalogue_verdict_labels(verdict, labels);
    struct ex_buffer buffer;

    ex_buffer_init(&buffer, SHOWN_MAX_BYTES);
    for (size_t i = 0; i < count; i++)
        line(&buffer, labels[i].key.ptr, labels[i].value);
    line(&buffer, "runtime", verdict->runtime);
    if (verdict->decided_by.rule.len > 0)
        match_line(&buffer, "rule", &verdict->decided_by);
    else
        line(&buffer, "rule", fo_str_of("none matched"));
    for (size_t i = 0; i < verdict->runner_up_count; i++)
        match_line(&buffer, "runner-up", &verdict->runners_up[i]);
    for (size_t i = 0; i < verdict->chain_count; i++)
        chain_line(&buffer, &verdict->chain[i], i == 0);
    int r = buffer.failure;
    if (r == 0 && fputs(ex_buffer_text(&buffer), out) == EOF)
        r = -EIO;
    ex_buffer_done(&buffer);
    return r;
}

/* NULL when there is no memory; jansson's functions pass that on. */
static json_t *clean(struct fo_str text) {
    struct ex_buffer buffer;

    ex_buffer_init(&buffer, SHOWN_MAX_BYTES);
    ex_clean_utf8(&buffer, text);
    json_t *value = json_stringn(ex_buffer_text(&buffer), buffer.len);
    ex_buffer_done(&buffer);
    return value;
}

static json_t *match_object(const struct catalogue_match *match) {
    return json_pack("{s:o, s:o, s:i, s:i, s:o}", "rule", clean(match->rule), "file",
                     clean(match->file), "line", match->line, "priority", match->priority,
                     "matched", clean(match->matched));
}

static json_t *labels_object(const struct catalogue_verdict *verdict) {
    struct fo_label labels[CATALOGUE_LABELS_MAX];
    size_t count = catalogue_verdict_labels(verdict, labels);
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++)
        (void)json_object_set_new(object, labels[i].key.ptr, clean(labels[i].value));
    return object;
}

static json_t *runners_up(const struct catalogue_verdict *verdict) {
    json_t *list = json_array();

    for (size_t i = 0; i < verdict->runner_up_count; i++)
        (void)json_array_append_new(list, match_object(&verdict->runners_up[i]));
    return list;
}

static json_t *exceptions(const struct catalogue_verdict *verdict) {
    json_t *list = json_array();

    for (size_t i = 0; i < verdict->chain_count; i++)
        (void)json_array_append_new(list,
                                    json_pack("{s:o, s:o}", "name", clean(verdict->chain[i].name),
                                              "message", clean(verdict->chain[i].message)));
    return list;
}

int ex_classify_show_json(const struct catalogue *catalogue,
                          const struct catalogue_verdict *verdict, FILE *out) {
    bool decided = verdict->decided_by.rule.len > 0;
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:{s:s, s:s}}", "labels", labels_object(verdict), "decided_by",
        decided ? match_object(&verdict->decided_by) : json_null(), "runners_up",
        runners_up(verdict), "runtime", clean(verdict->runtime), "exceptions", exceptions(verdict),
        "catalogue", "version", catalogue_version(catalogue), "hash", catalogue_hash(catalogue));

    if (!object)
        return -ENOMEM;
    int r = json_dumpf(object, out, JSON_INDENT(2)) == 0 && putc('\n', out) != EOF ? 0 : -EIO;
    json_decref(object);
    return r;
}
