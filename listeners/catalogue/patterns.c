/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/patterns.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listeners/catalogue/expression.h"

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

/* A tail is a word and what must come after it. */
enum {
    TAIL_EXCEPTION = 1 << 0, /* may go on with `xception` */
    TAIL_ERROR = 1 << 1,     /* may go on with `rror` */
    TAIL_NO_LETTER =
        1 << 2,         /* then comes no letter, which belongs to the match, or the line ends */
    TAIL_COLON = 1 << 3 /* then comes a colon, which belongs to the match, or the line ends */
};

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

static const char exception_rest[] = "xception";
static const char error_rest[] = "rror";

/* ---- cutting ------------------------------------------------------------------------------------
 */

/* Takes the tail of the table that the text ends in off its end. Returns its bits, 0: none. */
static unsigned take_tail(struct fo_str *text, const struct tail *tails, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct fo_str end = fo_str_of(tails[i].text);
        if (text->len < end.len || memcmp(text->ptr + text->len - end.len, end.ptr, end.len) != 0)
            continue;
        text->len -= end.len;
        return tails[i].bits;
    }
    return 0;
}

/* Whether what a tail is cut off from still ends in a word that the matcher can look for. */
static bool ends_in_word(struct fo_str text) {
    while (text.len > 0 && strchr(")?", text.ptr[text.len - 1]))
        text.len--;
    return text.len > 1 && isalnum((unsigned char)text.ptr[text.len - 1]);
}

/* Cuts off a tail behind its `E`, which the text ends in afterwards. Returns its bits, 0: none. */
static unsigned cut_tail(char *text, size_t *len) {
    struct fo_str rest = {text, *len};
    unsigned bits = take_tail(&rest, tail_ends, COUNT(tail_ends));
    unsigned word = take_tail(&rest, tail_words, COUNT(tail_words));

    if (word == 0 || !ends_in_word(rest))
        return 0;
    text[rest.len] = 'E';
    *len = rest.len + 1;
    return bits | word;
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

static bool goes_on(struct fo_str text, size_t at, const char *rest, size_t len) {
    return text.len - at >= len && memcmp(text.ptr + at, rest, len) == 0;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

size_t catalogue_tail_end(unsigned tail, struct fo_str text, size_t end) {
    if ((tail & TAIL_EXCEPTION) != 0 &&
        goes_on(text, end, exception_rest, sizeof exception_rest - 1))
        end += sizeof exception_rest - 1;
    else if ((tail & TAIL_ERROR) != 0 && goes_on(text, end, error_rest, sizeof error_rest - 1))
        end += sizeof error_rest - 1;
    else
        return 0;
    if ((tail & (TAIL_NO_LETTER | TAIL_COLON)) == 0 || end == text.len || text.ptr[end] == '\n')
        return end;
    bool holds = (tail & TAIL_COLON) != 0 ? text.ptr[end] == ':' : !is_letter(text.ptr[end]);
    return holds ? end + 1 : 0;
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

static int append_alternatives(struct catalogue_patterns *patterns,
                               struct catalogue_pattern *pattern, unsigned number) {
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
    struct catalogue_pattern pattern;
    int r = kind == CATALOGUE_EXCEPTION ? catalogue_expression_quote(source, &pattern, ret_why)
                                        : catalogue_expression_translate(source, &pattern, ret_why);

    return r != 0 ? r : append_alternatives(patterns, &pattern, number);
}

int catalogue_patterns_add_whole(struct catalogue_patterns *patterns, struct fo_str source,
                                 unsigned number, const char **ret_why) {
    struct catalogue_pattern pattern;
    int r = catalogue_expression_translate(source, &pattern, ret_why);

    if (r != 0)
        return r;
    return append(patterns, (struct fo_str){pattern.text, pattern.len},
                  flags_of(&pattern) | HS_FLAG_SOM_LEFTMOST, number << CATALOGUE_TAIL_BITS);
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
