/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/patterns.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

enum { NAME_AFTER_BYTES = 8 }; /* what a name is cut off from is no shorter */

/* A tail is a word or a name, and what must come after it: that belongs to the match, unless the
 * line ends. */
enum {
    TAIL_EXCEPTION = 1 << 0, /* may go on with `xception` */
    TAIL_ERROR = 1 << 1,     /* may go on with `rror` */
    TAIL_NAME = 1 << 2,      /* goes on with the name of an exception with its package */
    TAIL_NO_LETTER = 1 << 3, /* then comes no letter */
    TAIL_COLON = 1 << 4      /* then comes a colon */
};
static_assert(TAIL_COLON < 1 << CATALOGUE_TAIL_BITS, "an id has room for all of them");

struct tail {
    const char *text; /* in the matcher's dialect */
    unsigned bits;
};

static const struct tail tail_ends[] = {
    {"(?:[^\\x0aA-Za-z]|$)", TAIL_NO_LETTER},
    {"(?:\\x3a|$)", TAIL_COLON},
};

static const struct tail tail_words[] = {
    {"(?:Exception|Error)", TAIL_EXCEPTION | TAIL_ERROR},
    {"(?:Error|Exception)", TAIL_EXCEPTION | TAIL_ERROR},
    {"Exception", TAIL_EXCEPTION},
    {"Error", TAIL_ERROR},
};

static const char tail_name[] =
    "(?:[a-z][A-Za-z0-9_]*\\x2e)+[A-Z][A-Za-z0-9_\\x24]*(?:Exception|Error)";

static const char exception_rest[] = "xception";
static const char error_rest[] = "rror";

/* ---- cutting ------------------------------------------------------------------------------------
 */

static bool take_end(struct fo_str *text, const char *word) {
    struct fo_str end = fo_str_of(word);

    if (text->len < end.len || memcmp(text->ptr + text->len - end.len, end.ptr, end.len) != 0)
        return false;
    text->len -= end.len;
    return true;
}

/* Takes the tail of the table that the text ends in off its end. Returns its bits, 0: none. */
static unsigned take_tail(struct fo_str *text, const struct tail *tails, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (take_end(text, tails[i].text))
            return tails[i].bits;
    return 0;
}

/* Whether what a tail is cut off from still ends in a word that the matcher can look for. */
static bool ends_in_word(struct fo_str text) {
    while (text.len > 0 && strchr(")?", text.ptr[text.len - 1]))
        text.len--;
    return text.len > 1 && isalnum((unsigned char)text.ptr[text.len - 1]);
}

/* A name is cut off only after words, for it can stand anywhere, and where something follows that
 * is no part of it: so there is one way to read it. */
static bool takes_name(struct fo_str *text, unsigned after) {
    struct fo_str rest = *text;

    if (after != TAIL_COLON || !take_end(&rest, tail_name) || rest.len < NAME_AFTER_BYTES ||
        rest.ptr[rest.len - 1] != ' ')
        return false;
    *text = rest;
    return true;
}

/* Cuts off a tail, a word's behind its `E`. Returns its bits, 0: none. */
static unsigned cut_tail(char *text, size_t *len) {
    struct fo_str rest = {text, *len};
    unsigned after = take_tail(&rest, tail_ends, COUNT(tail_ends));
    unsigned word = TAIL_NAME;

    if (!takes_name(&rest, after)) {
        word = take_tail(&rest, tail_words, COUNT(tail_words));
        if (word == 0 || !ends_in_word(rest))
            return 0;
        text[rest.len++] = 'E';
    }
    *len = rest.len;
    return after | word;
}

/* Length of the first alternative: a bar outside groups ends it. What is no syntax is escaped. */
static size_t first_alternative(struct fo_str text) {
    size_t depth = 0;
    size_t len = 0;

    for (; len < text.len && (depth > 0 || text.ptr[len] != '|'); len++) {
        depth += text.ptr[len] == '(';
        depth -= text.ptr[len] == ')';
    }
    return len;
}

/* ---- comparing ----------------------------------------------------------------------------------
 */

static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

static bool is_name_char(char c) {
    return is_lower(c) || is_upper(c) || (c >= '0' && c <= '9') || c == '_';
}

static size_t word_end(struct fo_str text, size_t at, const char *rest, size_t len) {
    return text.len - at >= len && memcmp(text.ptr + at, rest, len) == 0 ? at + len : 0;
}

/* Where the package's part that begins at `at` ends, its full stop included; `at`: it is none. */
static size_t package_end(struct fo_str text, size_t at) {
    size_t end = at;

    if (end == text.len || !is_lower(text.ptr[end]))
        return at;
    while (end < text.len && is_name_char(text.ptr[end]))
        end++;
    return end < text.len && text.ptr[end] == '.' ? end + 1 : at;
}

static size_t class_end(struct fo_str text, size_t at) {
    size_t end = at + 1;

    if (at >= text.len || !is_upper(text.ptr[at]))
        return 0;
    while (end < text.len && (is_name_char(text.ptr[end]) || text.ptr[end] == '$'))
        end++;
    struct fo_str rest = {text.ptr + at + 1, end - at - 1};
    return take_end(&rest, "Exception") || take_end(&rest, "Error") ? end : 0;
}

static size_t name_end(struct fo_str text, size_t at) {
    size_t class = package_end(text, at);

    if (class == at)
        return 0;
    for (size_t next = package_end(text, class); next > class; next = package_end(text, class))
        class = next;
    return class_end(text, class);
}

size_t catalogue_tail_end(unsigned tail, struct fo_str text, size_t end) {
    size_t at = 0;

    if ((tail & TAIL_NAME) != 0)
        at = name_end(text, end);
    if ((tail & TAIL_EXCEPTION) != 0)
        at = word_end(text, end, exception_rest, sizeof exception_rest - 1);
    if (at == 0 && (tail & TAIL_ERROR) != 0)
        at = word_end(text, end, error_rest, sizeof error_rest - 1);
    if (at == 0 || (tail & (TAIL_NO_LETTER | TAIL_COLON)) == 0 || at == text.len ||
        text.ptr[at] == '\n')
        return at;
    char next = text.ptr[at];
    bool holds = (tail & TAIL_COLON) != 0 ? next == ':' : !is_lower(next) && !is_upper(next);
    return holds ? at + 1 : 0;
}

/* ---- the list -----------------------------------------------------------------------------------
 */

static int grow(struct catalogue_patterns *patterns) {
    size_t capacity = patterns->capacity ? 2 * patterns->capacity : 64;
    const char **texts = realloc(patterns->texts, capacity * sizeof *texts);
    patterns->texts = texts ? texts : patterns->texts;
    unsigned *flags = realloc(patterns->flags, capacity * sizeof *flags);
    patterns->flags = flags ? flags : patterns->flags;
    unsigned *ids = realloc(patterns->ids, capacity * sizeof *ids);
    patterns->ids = ids ? ids : patterns->ids;

    if (!texts || !flags || !ids)
        return -ENOMEM;
    patterns->capacity = capacity;
    return 0;
}

static int append(struct catalogue_patterns *patterns, struct fo_str text, unsigned flags,
                  unsigned id) {
    if (patterns->count == patterns->capacity && grow(patterns) != 0)
        return -ENOMEM;
    patterns->texts[patterns->count] = catalogue_arena_copy(&patterns->arena, text).ptr;
    if (!patterns->texts[patterns->count])
        return -ENOMEM;
    patterns->flags[patterns->count] = flags;
    patterns->ids[patterns->count] = id;
    patterns->count++;
    return 0;
}

static unsigned flags_of(const struct catalogue_pattern *pattern) {
    return HS_FLAG_MULTILINE | (pattern->caseless ? HS_FLAG_CASELESS : 0);
}

static int append_alternatives(struct catalogue_patterns *patterns, unsigned number) {
    struct catalogue_pattern *pattern = &patterns->pattern;
    size_t from = 0;

    while (from < pattern->len) {
        struct fo_str rest = {pattern->text + from, pattern->len - from};
        struct fo_str text = {rest.ptr, first_alternative(rest)};
        size_t next = from + text.len + 1;
        unsigned tail = pattern->caseless ? 0 : cut_tail(pattern->text + from, &text.len);
        int r = append(patterns, text, flags_of(pattern), number << CATALOGUE_TAIL_BITS | tail);
        if (r != 0)
            return r;
        from = next;
    }
    return 0;
}

int catalogue_patterns_add(struct catalogue_patterns *patterns, enum catalogue_expression_kind kind,
                           struct fo_str source, unsigned number, const char **ret_why) {
    struct catalogue_pattern *pattern = &patterns->pattern;
    int r = kind == CATALOGUE_EXCEPTION ? catalogue_expression_quote(source, pattern, ret_why)
                                        : catalogue_expression_translate(source, pattern, ret_why);

    return r != 0 ? r : append_alternatives(patterns, number);
}

int catalogue_patterns_add_whole(struct catalogue_patterns *patterns, struct fo_str source,
                                 unsigned number, const char **ret_why) {
    const struct catalogue_pattern *pattern = &patterns->pattern;
    int r = catalogue_expression_translate(source, &patterns->pattern, ret_why);

    if (r != 0)
        return r;
    return append(patterns, (struct fo_str){pattern->text, pattern->len},
                  flags_of(pattern) | HS_FLAG_SOM_LEFTMOST, number << CATALOGUE_TAIL_BITS);
}

int catalogue_patterns_add_rule(struct catalogue_patterns *patterns,
                                const struct catalogue_rule *rule, unsigned number,
                                const char **ret_why) {
    const struct catalogue_texts *texts = &rule->match.message_regex;
    const struct catalogue_texts *names = &rule->match.exception;
    int r = 0;

    for (size_t i = 0; r == 0 && i < texts->count; i++)
        r = catalogue_patterns_add(patterns, CATALOGUE_TEXT, texts->items[i], number++, ret_why);
    for (size_t i = 0; r == 0 && i < names->count; i++)
        r = catalogue_patterns_add(patterns, CATALOGUE_EXCEPTION, names->items[i], number++,
                                   ret_why);
    return r;
}

void catalogue_patterns_done(struct catalogue_patterns *patterns) {
    catalogue_arena_done(&patterns->arena);
    free(patterns->texts);
    free(patterns->flags);
    free(patterns->ids);
    *patterns = (struct catalogue_patterns){0};
}

int catalogue_patterns_compile(const struct catalogue_patterns *patterns,
                               const hs_platform_info_t *platform, hs_database_t **ret_database,
                               unsigned *ret_culprit, char ret_why[static CATALOGUE_WHY_SIZE]) {
    hs_compile_error_t *error = NULL;
    hs_error_t outcome =
        hs_compile_multi(patterns->texts, patterns->flags, patterns->ids, (unsigned)patterns->count,
                         HS_MODE_BLOCK, platform, ret_database, &error);

    if (outcome == HS_SUCCESS)
        return 0;
    if (outcome == HS_NOMEM || !error) {
        (void)hs_free_compile_error(error);
        return -ENOMEM;
    }
    *ret_culprit =
        error->expression >= 0 ? patterns->ids[error->expression] >> CATALOGUE_TAIL_BITS : UINT_MAX;
    (void)snprintf(ret_why, CATALOGUE_WHY_SIZE, "%s", error->message);
    (void)hs_free_compile_error(error);
    return -EINVAL;
}
