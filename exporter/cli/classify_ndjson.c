/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/classify_ndjson.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "exporter/base/buffer.h"
#include "exporter/base/clean_text.h"

enum { CHUNK_BYTES = 64 * 1024, ALTERNATIVES_MAX = 64, WHY_SIZE = 128 };

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

/* One line's failure. The texts are borrowed from the tree. */
struct request {
    struct catalogue_input input;
    struct fo_str exceptions[ALTERNATIVES_MAX];
    char why[WHY_SIZE]; /* what is wrong with it; empty: nothing */
};

static int refuse(struct request *request, const char *key, const char *expected) {
    (void)snprintf(request->why, sizeof request->why, "`%s` must be %s", key, expected);
    return -EINVAL;
}

static struct fo_str text_of(const json_t *value) {
    struct fo_str text = {json_string_value(value), json_string_length(value)};
    return text;
}

/* null is as good as absent. */
static const json_t *get(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static int read_text(struct request *request, const json_t *object, const char *key,
                     struct fo_str *ret_text) {
    const json_t *value = get(object, key);

    if (!value)
        return 0;
    if (!json_is_string(value))
        return refuse(request, key, "text");
    *ret_text = text_of(value);
    return 0;
}

static int read_exit_code(struct request *request, const json_t *object) {
    const json_t *value = get(object, "exit_code");
    json_int_t number = json_integer_value(value);

    if (!value)
        return 0;
    if (!json_is_integer(value) || number < INT32_MIN || number > INT32_MAX)
        return refuse(request, "exit_code", "a whole number");
    request->input.exited = true;
    request->input.exit_code = (int)number;
    return 0;
}

/* The number 0 is how some say that there was none. */
static int read_signal(struct request *request, const json_t *object) {
    const json_t *value = get(object, "signal");
    char digits[24];

    if (!value || (json_is_integer(value) && json_integer_value(value) == 0))
        return 0;
    (void)snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(value));
    request->input.signal =
        catalogue_signal_of(json_is_integer(value) ? fo_str_of(digits) : text_of(value));
    return request->input.signal == 0 ? refuse(request, "signal", "the name or number of a signal")
                                      : 0;
}

static int read_exceptions(struct request *request, const json_t *object) {
    const json_t *value = get(object, "exception");
    size_t count = json_is_array(value) ? json_array_size(value) : 1;

    if (!value)
        return 0;
    for (size_t i = 0; i < count && i < ALTERNATIVES_MAX; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(item))
            return refuse(request, "exception", "text or a list of texts");
        request->exceptions[request->input.exception_count++] = text_of(item);
    }
    request->input.exceptions = request->exceptions;
    return 0;
}

/* A word that no rule asks for is no error: reporters may know more kinds of evidence. */
static int read_evidence(struct request *request, const json_t *object) {
    const json_t *value = get(object, "evidence");
    const json_t *word;
    size_t i;

    if (!value)
        return 0;
    if (!json_is_array(value))
        return refuse(request, "evidence", "a list of texts");
    json_array_foreach(value, i, word) {
        if (!json_is_string(word))
            return refuse(request, "evidence", "a list of texts");
        request->input.evidence |= catalogue_evidence_of(text_of(word));
    }
    return 0;
}

static int read_request(struct request *request, const json_t *object) {
    int r = 0;

    *request = (struct request){.why = ""};
    if (!json_is_object(object))
        return refuse(request, "the line", "an object");
    if (!json_object_get(object, "id"))
        return refuse(request, "id", "given");
    r = read_text(request, object, "output", &request->input.head);
    if (r == 0)
        r = read_text(request, object, "runtime", &request->input.runtime);
    if (r == 0)
        r = read_text(request, object, "platform_reason", &request->input.platform_reason);
    if (r == 0)
        r = read_exit_code(request, object);
    if (r == 0)
        r = read_signal(request, object);
    if (r == 0)
        r = read_exceptions(request, object);
    return r == 0 ? read_evidence(request, object) : r;
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
    struct request request;
    json_error_t error = {.text = "the line could not be held"};
    json_t *object = parse(session, line, &error);
    json_t *reply = NULL;

    if (!object) {
        session->bad++;
        return complaint(NULL, error.text);
    }
    if (read_request(&request, object) != 0) {
        session->bad++;
        reply = complaint(json_object_get(object, "id"), request.why);
    } else if (catalogue_classify(session->catalogue, &request.input, session->scratch, &verdict) ==
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
