/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/selection.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char separators[] = ",; \t\r\n";

static bool parts(char c) {
    return c != '\0' && strchr(separators, c);
}

bool ex_selection_next(struct fo_str *rest, struct fo_str *ret_pattern) {
    size_t len = 0;

    while (rest->len > 0 && parts(*rest->ptr))
        *rest = (struct fo_str){rest->ptr + 1, rest->len - 1};
    while (len < rest->len && !parts(rest->ptr[len]))
        len++;
    *ret_pattern = (struct fo_str){rest->ptr, len};
    *rest = (struct fo_str){rest->ptr + len, rest->len - len};
    return len > 0;
}

/* Goes back to the last star only, so that no pattern takes longer than pattern times name. */
bool ex_selection_matches(struct fo_str pattern, struct fo_str name) {
    size_t p = 0;
    size_t n = 0;
    size_t star = SIZE_MAX;
    size_t star_n = 0;

    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_n = n;
        } else if (p < pattern.len && pattern.ptr[p] == name.ptr[n]) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++star_n;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool is_listed(const char *list, struct fo_str name, struct fo_str sample_name) {
    struct fo_str rest = fo_str_of(list);
    struct fo_str pattern;

    while (ex_selection_next(&rest, &pattern)) {
        if (ex_selection_matches(pattern, name) || ex_selection_matches(pattern, sample_name))
            return true;
    }
    return false;
}

bool ex_selection_shows(const struct ex_selection *selection, struct fo_str name,
                        struct fo_str sample_name) {
    if (selection->allow && !is_listed(selection->allow, name, sample_name))
        return false;
    return !selection->deny || !is_listed(selection->deny, name, sample_name);
}

static int check(struct fo_str list, struct fo_error *reterr) {
    struct fo_str pattern;

    while (ex_selection_next(&list, &pattern)) {
        for (size_t i = 0; i < pattern.len; i++) {
            unsigned char c = (unsigned char)pattern.ptr[i];
            if (isalnum(c) || c == '_' || c == '*')
                continue;
            *reterr = (struct fo_error){.code = -EINVAL};
            (void)snprintf(reterr->text, sizeof reterr->text,
                           "\"%.*s\" is no name of a metric family (* for any characters)",
                           (int)(pattern.len < 80 ? pattern.len : 80), pattern.ptr);
            return -EINVAL;
        }
    }
    return 0;
}

/* NULL in *ret_copy of a list without words. */
static int copy(struct fo_str list, char **ret_copy) {
    struct fo_str rest = list;
    struct fo_str pattern;

    *ret_copy = NULL;
    if (!ex_selection_next(&rest, &pattern))
        return 0;
    *ret_copy = strndup(list.ptr, list.len);
    return *ret_copy ? 0 : -ENOMEM;
}

int ex_selection_set(struct ex_selection *selection, struct fo_str allow, struct fo_str deny,
                     struct fo_error *reterr) {
    struct ex_selection made = {0};
    int failed = check(allow, reterr);

    if (!failed)
        failed = check(deny, reterr);
    if (failed)
        return failed;
    if (copy(allow, &made.allow) != 0 || copy(deny, &made.deny) != 0) {
        ex_selection_done(&made);
        *reterr = (struct fo_error){.code = -ENOMEM, .text = "out of memory"};
        return -ENOMEM;
    }
    ex_selection_done(selection);
    *selection = made;
    return 0;
}

void ex_selection_done(struct ex_selection *selection) {
    free(selection->allow);
    free(selection->deny);
    *selection = (struct ex_selection){0};
}
