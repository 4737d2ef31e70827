/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/negotiate.h"

#include <strings.h>

/* One media range or coding: its name, parameters, quality. All borrowed from the header. */
enum { PARAMETERS_MAX = 8, QUALITY_ONE = 1000 };

struct parameter {
    struct fo_str name;
    struct fo_str value; /* without its quotes; what was escaped in them never matches anything */
};

struct range {
    struct fo_str name;
    struct parameter parameters[PARAMETERS_MAX]; /* q left out */
    size_t parameter_count;
    int quality; /* in thousandths */
};

/* ---- reading ---- */

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static bool is_token(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~/", c));
}

static struct fo_str trimmed(struct fo_str text) {
    while (text.len > 0 && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static bool is_text(struct fo_str text, const char *expected) {
    return text.len == strlen(expected) && strncasecmp(text.ptr, expected, text.len) == 0;
}

static bool all_tokens(struct fo_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token(text.ptr[i]))
            return false;
    }
    return text.len > 0;
}

/* Takes what stands before the next `separator` that is not inside quotes. False at the end. */
static bool next_part(struct fo_str *rest, char separator, struct fo_str *ret_part) {
    size_t len = 0;
    bool quoted = false;

    if (!rest->ptr)
        return false;
    while (len < rest->len && (quoted || rest->ptr[len] != separator)) {
        if (quoted && rest->ptr[len] == '\\' && len + 1 < rest->len)
            len++;
        else if (rest->ptr[len] == '"')
            quoted = !quoted;
        len++;
    }
    *ret_part = trimmed((struct fo_str){rest->ptr, len});
    if (len < rest->len)
        *rest = (struct fo_str){rest->ptr + len + 1, rest->len - len - 1};
    else
        *rest = (struct fo_str){0};
    return true;
}

/* 0, 1, or a decimal between them with at most three places; -1 when it is nothing of these. */
static int quality_of(struct fo_str text) {
    int quality = 0;
    int unit = QUALITY_ONE;

    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
        (text.len > 1 && text.ptr[1] != '.'))
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (i == 1)
            continue;
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        quality += (text.ptr[i] - '0') * unit;
        unit /= 10;
    }
    return quality <= QUALITY_ONE ? quality : -1;
}

static bool unquote(struct fo_str *value) {
    if (value->len < 2 || value->ptr[0] != '"')
        return all_tokens(*value);
    if (value->ptr[value->len - 1] != '"')
        return false;
    *value = (struct fo_str){value->ptr + 1, value->len - 2};
    return true;
}

static bool read_parameter(struct fo_str text, struct range *range) {
    struct fo_str name;
    struct fo_str value = text;

    if (text.len == 0)
        return true;
    (void)next_part(&value, '=', &name);
    value = trimmed(value);
    if (!all_tokens(name) || !unquote(&value))
        return false;
    if (is_text(name, "q")) {
        range->quality = quality_of(value);
        return range->quality >= 0;
    }
    if (range->parameter_count == PARAMETERS_MAX)
        return false;
    range->parameters[range->parameter_count++] = (struct parameter){name, value};
    return true;
}

/* False when it is malformed. */
static bool read_range(struct fo_str text, struct range *ret_range) {
    struct fo_str part;

    *ret_range = (struct range){.quality = QUALITY_ONE};
    (void)next_part(&text, ';', &ret_range->name);
    while (next_part(&text, ';', &part)) {
        if (!read_parameter(part, ret_range))
            return false;
    }
    return all_tokens(ret_range->name);
}

/* The value of a parameter; empty when it is not there. */
static struct fo_str parameter_of(const struct range *range, const char *name) {
    for (size_t i = 0; i < range->parameter_count; i++) {
        if (is_text(range->parameters[i].name, name))
            return range->parameters[i].value;
    }
    return (struct fo_str){0};
}

/* A header too long is read up to its last whole range. */
static struct fo_str capped(struct fo_str header) {
    if (header.len <= EX_ACCEPT_MAX_BYTES)
        return header;
    header.len = EX_ACCEPT_MAX_BYTES;
    while (header.len > 0 && header.ptr[header.len - 1] != ',')
        header.len--;
    return header;
}

/* ---- formats ---- */

static const char *const escaping_names[] = {
    [EX_UNDERSCORES] = "underscores",
    [EX_ALLOW_UTF8] = "allow-utf-8",
    [EX_DOTS] = "dots",
    [EX_VALUES] = "values",
};
enum { ESCAPINGS = sizeof escaping_names / sizeof *escaping_names };

static void read_escaping(const struct range *range, struct ex_negotiated *negotiated) {
    struct fo_str named = parameter_of(range, "escaping");

    for (int i = 0; i < ESCAPINGS; i++) {
        if (is_text(named, escaping_names[i])) {
            negotiated->escaping = (enum ex_escaping)i;
            negotiated->escaping_named = true;
        }
    }
}

/* Whether we can serve a range, and what then. */
static bool serve(const struct range *range, struct ex_negotiated *ret_negotiated) {
    struct fo_str version = parameter_of(range, "version");
    struct ex_negotiated served = {.format = EX_TEXT_0_0_4};

    if (is_text(range->name, "application/openmetrics-text")) {
        if (version.len > 0 && !is_text(version, "1.0.0"))
            return false;
        served.format = EX_OPENMETRICS;
        read_escaping(range, &served);
    } else if (is_text(range->name, "application/vnd.google.protobuf")) {
        if (!is_text(parameter_of(range, "proto"), "io.prometheus.client.MetricFamily") ||
            !is_text(parameter_of(range, "encoding"), "delimited"))
            return false;
        served.format = EX_PROTOBUF;
        read_escaping(range, &served);
    } else if (is_text(range->name, "text/plain") && is_text(version, "1.0.0")) {
        served.format = EX_TEXT_1_0_0;
        read_escaping(range, &served);
    } else if (is_text(range->name, "text/plain")) {
        if (version.len > 0 && !is_text(version, "0.0.4"))
            return false;
    } else if (!is_text(range->name, "text/*") && !is_text(range->name, "*/*")) {
        return false;
    }
    *ret_negotiated = served;
    return true;
}

/* What is more exact goes first among equals of quality. */
static int specificity(const struct range *range) {
    if (is_text(range->name, "*/*"))
        return 0;
    if (range->name.len >= 2 && memcmp(range->name.ptr + range->name.len - 2, "/*", 2) == 0)
        return 1;
    return 2 + (int)range->parameter_count;
}

struct ex_negotiated ex_format_negotiate(struct fo_str accept) {
    struct ex_negotiated best = {.format = EX_TEXT_0_0_4};
    struct fo_str rest = capped(accept);
    struct fo_str part;
    int best_rank = 0;

    for (int i = 0; i < EX_ACCEPT_MAX_RANGES && next_part(&rest, ',', &part); i++) {
        struct range range;
        struct ex_negotiated served;
        if (!read_range(part, &range) || range.quality == 0 || !serve(&range, &served))
            continue;
        int rank = range.quality * (PARAMETERS_MAX + 3) + specificity(&range);
        if (rank > best_rank) {
            best = served;
            best_rank = rank;
        }
    }
    return best;
}

#define TEXT_TYPE "text/plain; version=1.0.0; charset=utf-8; escaping="
#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PROTOBUF_TYPE                                                                              \
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

static const char *const text_types[ESCAPINGS] = {
    [EX_UNDERSCORES] = TEXT_TYPE "underscores",
    [EX_ALLOW_UTF8] = TEXT_TYPE "allow-utf-8",
    [EX_DOTS] = TEXT_TYPE "dots",
    [EX_VALUES] = TEXT_TYPE "values",
};
static const char *const openmetrics_types[ESCAPINGS] = {
    [EX_UNDERSCORES] = OPENMETRICS_TYPE "; escaping=underscores",
    [EX_ALLOW_UTF8] = OPENMETRICS_TYPE "; escaping=allow-utf-8",
    [EX_DOTS] = OPENMETRICS_TYPE "; escaping=dots",
    [EX_VALUES] = OPENMETRICS_TYPE "; escaping=values",
};
static const char *const protobuf_types[ESCAPINGS] = {
    [EX_UNDERSCORES] = PROTOBUF_TYPE "; escaping=underscores",
    [EX_ALLOW_UTF8] = PROTOBUF_TYPE "; escaping=allow-utf-8",
    [EX_DOTS] = PROTOBUF_TYPE "; escaping=dots",
    [EX_VALUES] = PROTOBUF_TYPE "; escaping=values",
};

const char *ex_format_content_type(const struct ex_negotiated *negotiated) {
    bool named = negotiated->escaping_named;

    switch (negotiated->format) {
    case EX_TEXT_1_0_0:
        return text_types[negotiated->escaping];
    case EX_OPENMETRICS:
        return named ? openmetrics_types[negotiated->escaping] : OPENMETRICS_TYPE;
    case EX_PROTOBUF:
        return named ? protobuf_types[negotiated->escaping] : PROTOBUF_TYPE;
    case EX_TEXT_0_0_4:
        break;
    }
    return "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- encodings ---- */

/* Quality of each encoding; -1 = not said. */
struct codings {
    int gzip;
    int zstd;
    int identity;
    int any;
};

static void read_coding(struct fo_str part, struct codings *codings) {
    struct range range;

    if (!read_range(part, &range))
        return;
    if (is_text(range.name, "gzip") || is_text(range.name, "x-gzip"))
        codings->gzip = range.quality;
    else if (is_text(range.name, "zstd"))
        codings->zstd = range.quality;
    else if (is_text(range.name, "identity"))
        codings->identity = range.quality;
    else if (is_text(range.name, "*"))
        codings->any = range.quality;
}

/* Identity is always good enough when nothing else is: an answer in it beats a refusal. */
enum ex_encoding ex_encoding_negotiate(struct fo_str accept_encoding) {
    struct codings codings = {-1, -1, -1, -1};
    struct fo_str rest = capped(accept_encoding);
    struct fo_str part;

    for (int i = 0; i < EX_ACCEPT_MAX_RANGES && next_part(&rest, ',', &part); i++)
        read_coding(part, &codings);
    int gzip = codings.gzip >= 0 ? codings.gzip : codings.any;
    if (gzip > 0 && gzip >= codings.zstd && gzip >= codings.identity)
        return EX_GZIP;
    if (codings.zstd > 0 && codings.zstd >= codings.identity)
        return EX_ZSTD;
    return EX_IDENTITY;
}

const char *ex_encoding_name(enum ex_encoding encoding) {
    switch (encoding) {
    case EX_GZIP:
        return "gzip";
    case EX_ZSTD:
        return "zstd";
    case EX_IDENTITY:
        break;
    }
    return NULL;
}
