/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/flags.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "exporter/config/duration.h"
#include "exporter/config/nearest.h"

enum { NAME_MAX_BYTES = 96, HELP_COLUMN = 34 };

static const char environment_prefix[] = "FAILOVER_EXPORTER_";

FO_PRINTF(2, 3)
static int refuse(struct fo_error *reterr, const char *format, ...) {
    va_list args;

    *reterr = (struct fo_error){.code = -EINVAL};
    va_start(args, format);
    (void)vsnprintf(reterr->text, sizeof reterr->text, format, args);
    va_end(args);
    return -EINVAL;
}

static int set_count(uint64_t *value, const char *text) {
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || !isdigit((unsigned char)*text))
        return -EINVAL;
    *value = number;
    return 0;
}

static int set_list(struct ex_flag_list *list, const char *text) {
    if (list->count == EX_FLAG_LIST_MAX)
        return -E2BIG;
    list->items[list->count++] = text;
    return 0;
}

static int set_bool(bool *value, const char *text) {
    if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
        *value = true;
    else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
        *value = false;
    else
        return -EINVAL;
    return 0;
}

static int set_value(const struct ex_flag *flag, const char *text) {
    switch (flag->type) {
    case EX_FLAG_BOOL:
        return set_bool(flag->value, text);
    case EX_FLAG_TEXT:
        *(const char **)flag->value = text;
        return 0;
    case EX_FLAG_LIST:
        return set_list(flag->value, text);
    case EX_FLAG_COUNT:
        return set_count(flag->value, text);
    case EX_FLAG_DURATION:
        return ex_duration_parse_ms(fo_str_of(text), flag->value);
    }
    return -EINVAL;
}

static const char *expectation(const struct ex_flag *flag) {
    switch (flag->type) {
    case EX_FLAG_BOOL:
        return "true or false";
    case EX_FLAG_COUNT:
        return "a whole number";
    case EX_FLAG_DURATION:
        return "a duration such as \"500 ms\" or \"10 s\"";
    case EX_FLAG_LIST:
        return "no more than 64 values";
    case EX_FLAG_TEXT:
        break;
    }
    return "a value";
}

static int assign(const struct ex_flag *flag, const char *shown_name, const char *text,
                  struct fo_error *reterr) {
    char wanted[128];

    if (set_value(flag, text) == 0)
        return 0;
    (void)snprintf(wanted, sizeof wanted, "%s; it takes %s", shown_name, expectation(flag));
    return refuse(reterr, "bad value \"%.80s\" for %s", text, wanted);
}

static const struct ex_flag *find(const struct ex_flag *flags, size_t count, const char *name,
                                  size_t len) {
    for (size_t i = 0; i < count; i++) {
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
            return &flags[i];
    }
    return NULL;
}

static void environment_name(const struct ex_flag *flag, char *name, size_t size) {
    size_t len = (size_t)snprintf(name, size, "%s%s", environment_prefix, flag->name);

    for (size_t i = 0; i < len && i < size; i++) {
        if (name[i] == '.' || name[i] == '-')
            name[i] = '_';
        name[i] = (char)toupper((unsigned char)name[i]);
    }
}

/* Only the command line asks for these: FAILOVER_EXPORTER_VERSION is a name that images and scripts
 * give to the version that they install. */
static bool asks_only_now(const struct ex_flag *flag) {
    return strcmp(flag->name, "help") == 0 || strcmp(flag->name, "h") == 0 ||
           strcmp(flag->name, "version") == 0;
}

static int read_environment(const struct ex_flag *flags, size_t count, struct fo_error *reterr) {
    char name[NAME_MAX_BYTES];

    for (size_t i = 0; i < count; i++) {
        if (asks_only_now(&flags[i]))
            continue;
        environment_name(&flags[i], name, sizeof name);
        const char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe): before any thread */
        int ret = text ? assign(&flags[i], name, text, reterr) : 0;
        if (ret < 0)
            return ret;
    }
    return 0;
}

/* What the command line says of a list replaces what the environment said. */
static void replace_list(const struct ex_flag *flag, bool *seen) {
    if (flag->type == EX_FLAG_LIST && !*seen)
        *(struct ex_flag_list *)flag->value = (struct ex_flag_list){.count = 0};
    *seen = true;
}

static int refuse_unknown(const struct ex_flag *flags, size_t count, struct fo_str name,
                          struct fo_error *reterr) {
    struct ex_nearest nearest = ex_nearest_to(name);
    int len = (int)(name.len < NAME_MAX_BYTES ? name.len : NAME_MAX_BYTES);

    for (size_t i = 0; i < count; i++)
        ex_nearest_try(&nearest, fo_str_of(flags[i].name));
    if (nearest.distance > EX_NEAREST_TYPING)
        return refuse(reterr, "unknown flag --%.*s; see --help", len, name.ptr);
    return refuse(reterr, "unknown flag --%.*s; did you mean --%.*s? See --help", len, name.ptr,
                  (int)nearest.best.len, nearest.best.ptr);
}

/* One flag at argv[*index], which moves on past its value. */
static int read_flag(const struct ex_flag *flags, size_t count, char **argv, int *index, bool *seen,
                     struct fo_error *reterr) {
    const char *shown = argv[*index];
    const char *name = shown + (shown[1] == '-' ? 2 : 1);
    size_t len = strcspn(name, "=");
    const char *text = name[len] == '=' ? name + len + 1 : NULL;
    const struct ex_flag *flag = find(flags, count, name, len);

    if (!flag && strncmp(name, "no-", 3) == 0 && !text) {
        flag = find(flags, count, name + 3, len - 3);
        if (flag && flag->type == EX_FLAG_BOOL)
            return set_bool(flag->value, "false");
        flag = NULL;
    }
    if (!flag)
        return refuse_unknown(flags, count, (struct fo_str){name, len}, reterr);
    replace_list(flag, &seen[flag - flags]);
    if (!text && flag->type == EX_FLAG_BOOL)
        text = "true";
    if (!text) {
        *index += 1;
        text = argv[*index];
    }
    if (!text)
        return refuse(reterr, "%s needs %s", shown,
                      flag->type == EX_FLAG_LIST ? "a value" : expectation(flag));
    return assign(flag, shown, text, reterr);
}

int ex_flags_parse(const struct ex_flag *flags, size_t flag_count, int argc, char **argv,
                   int *ret_count, struct fo_error *reterr) {
    bool seen[128] = {false};
    bool flags_over = false;
    int count = 0;
    int ret = read_environment(flags, flag_count, reterr);

    for (int i = 1; i < argc && ret == 0; i++) {
        if (flags_over || argv[i][0] != '-' || argv[i][1] == '\0')
            argv[1 + count++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            flags_over = true;
        else
            ret = read_flag(flags, flag_count, argv, &i, seen, reterr);
    }
    *ret_count = count;
    return ret;
}

void ex_flags_print(const struct ex_flag *flags, size_t flag_count, FILE *file) {
    for (size_t i = 0; i < flag_count; i++) {
        char left[NAME_MAX_BYTES];
        const char *dashes = flags[i].name[1] == '\0' ? "-" : "--";
        if (flags[i].type == EX_FLAG_BOOL)
            (void)snprintf(left, sizeof left, "  %s%s", dashes, flags[i].name);
        else
            (void)snprintf(left, sizeof left, "  %s%s=%s", dashes, flags[i].name, flags[i].operand);
        if (strlen(left) >= HELP_COLUMN)
            (void)fprintf(file, "%s\n%*s%s\n", left, HELP_COLUMN, "", flags[i].help);
        else
            (void)fprintf(file, "%-*s%s\n", HELP_COLUMN, left, flags[i].help);
    }
}
