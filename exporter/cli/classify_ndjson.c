/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/classify_ndjson.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/base/buffer.h"
#include "exporter/base/clean_text.h"
#include "exporter/events/failure_json.h"

enum { CHUNK_BYTES = 64 * 1024 };

/* Lines of a stream; a line over the limit is read to its end and flagged. */
struct lines {
    int fd;
    char chunk[CHUNK_BYTES];
    size_t chunk_len, chunk_used;
    struct ex_buffer line;
};

/* Takes what the chunk has of the line. True: that was its end. */
static bool take_chunk(struct lines *lines) {
    const char *start = lines->chunk + lines->chunk_used;
    size_t left = lines->chunk_len - lines->chunk_used;
    const char *end = memchr(start, '\n', left);
    size_t len = end ? (size_t)(end - start) : left;

    ex_buffer_append(&lines->line, start, len);
    lines->chunk_used += end ? len + 1 : len;
    return end != NULL;
}

/* 1: a line is there; 0: no more; or a negative errno. */
static int lines_next(struct lines *lines, FILE *out) {
    bool begun = false;

    ex_buffer_reset(&lines->line);
    for (;;) {
        if (lines->chunk_used < lines->chunk_len) {
            begun = true;
            if (take_chunk(lines))
                return 1;
        }
        /* Whoever waits for an answer before asking on must have it now. */
        if (fflush(out) != 0)
            return -EIO;
        lines->chunk_used = 0;
        lines->chunk_len = 0;
        ssize_t got = read(lines->fd, lines->chunk, sizeof lines->chunk);
        if (got == -1 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == -1 ? -errno : begun;
        lines->chunk_len = (size_t)got;
    }
}

/* One line's failure. */
static int read_request(struct ex_failure_facts *facts, const json_t *object) {
    if (json_is_object(object) && json_object_get(object, "id"))
        return ex_failure_facts_read(facts, object);
    (void)snprintf(facts->why, sizeof facts->why, "%s",
                   json_is_object(object) ? "`id` must be given" : "`the line` must be an object");
    return -EINVAL;
}

static json_t *answer_labels(const struct catalogue_verdict *verdict) {
    struct fo_label labels[CATALOGUE_LABELS_MAX];
    size_t count = catalogue_verdict_labels(verdict, labels);
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++)
        (void)json_object_set_new(object, labels[i].key.ptr,
                                  json_stringn(labels[i].value.ptr, labels[i].value.len));
    return object;
}

static json_t *answer(const json_t *id, const struct catalogue_verdict *verdict) {
    const struct fo_str *rule = &verdict->decided_by.rule;

    return json_pack("{s:O, s:o, s:o}", "id", id, "labels", answer_labels(verdict), "rule",
                     rule->len > 0 ? json_stringn(rule->ptr, rule->len) : json_null());
}

static json_t *complaint(json_t *id, const char *why) {
    return json_pack("{s:o, s:s}", "id", id ? json_incref(id) : json_null(), "error", why);
}

struct session {
    const struct catalogue *catalogue;
    struct catalogue_scratch *scratch;
    struct ex_buffer repaired;
    int bad;
};

/* Bytes that are no Unicode are repaired rather than refused: output of programs has them. */
static json_t *parse(struct session *session, struct fo_str line, json_error_t *error) {
    json_t *object = json_loadb(line.ptr, line.len, JSON_ALLOW_NUL, error);

    if (object)
        return object;
    ex_buffer_reset(&session->repaired);
    ex_clean_json(&session->repaired, line);
    if (session->repaired.failure != 0)
        return NULL;
    line = ex_buffer_str(&session->repaired);
    return json_loadb(line.ptr, line.len, JSON_ALLOW_NUL, error);
}

static json_t *judge(struct session *session, struct fo_str line) {
    struct catalogue_verdict verdict;
    struct ex_failure_facts facts;
    json_error_t error = {.text = "the line could not be held"};
    json_t *object = parse(session, line, &error);
    json_t *reply = NULL;

    if (!object) {
        session->bad++;
        return complaint(NULL, error.text);
    }
    if (read_request(&facts, object) != 0) {
        session->bad++;
        reply = complaint(json_object_get(object, "id"), facts.why);
    } else if (catalogue_classify(session->catalogue, &facts.input, session->scratch, &verdict) ==
               0) {
        reply = answer(json_object_get(object, "id"), &verdict);
    }
    json_decref(object);
    return reply;
}

static bool is_blank(struct fo_str line) {
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

static int answer_line(struct session *session, const struct ex_buffer *line, FILE *out) {
    json_t *reply = NULL;

    if (line->failure == 0 && is_blank(ex_buffer_str(line)))
        return 0;
    if (line->failure != 0) {
        session->bad++;
        reply = complaint(NULL, "the line is longer than 128 MiB");
    } else {
        reply = judge(session, ex_buffer_str(line));
    }
    if (!reply)
        return -ENOMEM;
    int r = json_dumpf(reply, out, JSON_COMPACT) == 0 && putc('\n', out) != EOF ? 0 : -EIO;
    json_decref(reply);
    return r;
}

int ex_classify_ndjson(const struct catalogue *catalogue, struct catalogue_scratch *scratch, int fd,
                       FILE *out) {
    struct session session = {.catalogue = catalogue, .scratch = scratch};
    struct lines *lines = calloc(1, sizeof *lines);
    int r = 1;

    if (!lines)
        return -ENOMEM;
    lines->fd = fd;
    ex_buffer_init(&lines->line, EX_CLASSIFY_LINE_MAX_BYTES);
    ex_buffer_init(&session.repaired, 3 * EX_CLASSIFY_LINE_MAX_BYTES);
    while (r == 1) {
        r = lines_next(lines, out);
        if (r == 1 && answer_line(&session, &lines->line, out) != 0)
            r = -EIO;
    }
    ex_buffer_done(&session.repaired);
    ex_buffer_done(&lines->line);
    free(lines);
    return r == 0 ? session.bad : r;
}
