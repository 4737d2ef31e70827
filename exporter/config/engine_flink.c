/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/engine_flink.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/config/fail.h"

enum {
    INTERVAL_MS = 5000,
    CHECKPOINTS_INTERVAL_MS = 30000,
    TIMEOUT_MS = 10000,
    LEAST_MS = 100,
    ANSWER_MAX_BYTES = 16 << 20,
    ANSWER_LEAST_BYTES = 64 << 10,
    EXCEPTIONS = 100,
};

/* ---- addresses ----------------------------------------------------------------------------- */

static bool has_prefix(struct fo_str text, const char *prefix) {
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.ptr, prefix, len) == 0;
}

/* What comes after the scheme: no byte that could mean more than host, port and path. */
static bool is_place(struct fo_str place) {
    if (place.len == 0 || place.ptr[0] == '/' || place.ptr[0] == ':')
        return false;
    for (size_t i = 0; i < place.len; i++) {
        unsigned char c = (unsigned char)place.ptr[i];
        bool is_scheme = c == '/' && place.ptr[i - 1] == ':';
        if (is_scheme || (!isalnum(c) && !strchr("-._~:/[]%", c)))
            return false;
    }
    return true;
}

int ex_flink_url_read(struct fo_str text, char **ret_url) {
    const char *scheme = has_prefix(text, "https://") ? "https://" : "http://";
    size_t skipped = has_prefix(text, scheme) ? strlen(scheme) : 0;
    struct fo_str place = {text.ptr + skipped, text.len - skipped};
    char *url = NULL;

    while (place.len > 0 && place.ptr[place.len - 1] == '/')
        place.len--;
    if (place.len > EX_FLINK_URL_MAX_BYTES || !is_place(place))
        return -EINVAL;
    if (asprintf(&url, "%s%.*s", scheme, (int)place.len, place.ptr) == -1)
        return -ENOMEM;
    *ret_url = url;
    return 0;
}

/* ---- lists --------------------------------------------------------------------------------- */

static void free_words(char **words) {
    for (char **word = words; word && *word; word++)
        free(*word);
    free(words);
}

typedef int read_word(struct fo_str text, char **ret_word);

static int read_path(struct fo_str text, char **ret_path) {
    if (text.len == 0)
        return -EINVAL;
    *ret_path = strndup(text.ptr, text.len);
    return *ret_path ? 0 : -ENOMEM;
}

static int read_label(struct fo_str text, char **ret_label) {
    for (size_t i = 0; i < text.len; i++) {
        if (!isalnum((unsigned char)text.ptr[i]) && text.ptr[i] != '_')
            return -EINVAL;
    }
    return read_path(text, ret_label);
}

static int read_words(const struct ex_fields *fields, const char *key, size_t max, read_word *read,
                      const char *wanted, char ***ret_words) {
    const json_t *list = NULL;
    int rc = ex_field_list(fields, key, &list);

    if (rc != 0)
        return rc;
    if (json_array_size(list) > max)
        return ex_field_refuse(fields, key, "more than %zu", max);
    char **words = calloc(json_array_size(list) + 1, sizeof *words);
    *ret_words = words;
    for (size_t i = 0; words && i < json_array_size(list); i++) {
        struct fo_str text = ex_tree_item_text(fields->tree, list, i);
        rc = read(text, &words[i]);
        if (rc == -EINVAL)
            return ex_fail(fields->reterr, rc, ex_tree_item_line(fields->tree, list, i),
                           "%s: \"%.*s\" is no %s", key, ex_shown(text), text.ptr, wanted);
        if (rc != 0)
            return ex_fields_no_memory(fields);
    }
    return words ? 0 : ex_fields_no_memory(fields);
}

/* ---- sections ------------------------------------------------------------------------------ */

static int read_tls(const struct ex_fields *fields, struct ex_flink_settings *settings) {
    static const char *const keys[] = {"ca", "cert", "key", "insecure-skip-verify", NULL};
    struct ex_fields tls;
    int rc = ex_fields_open_member(fields, "tls", keys, &tls);

    if (rc <= 0)
        return rc;
    rc = ex_field_text(&tls, "ca", &settings->ca_file);
    if (rc == 0)
        rc = ex_field_text(&tls, "cert", &settings->cert_file);
    if (rc == 0)
        rc = ex_field_text(&tls, "key", &settings->key_file);
    if (rc == 0)
        rc = ex_field_bool(&tls, "insecure-skip-verify", &settings->insecure);
    if (rc == 0 && !settings->cert_file != !settings->key_file)
        return ex_field_refuse(fields, "tls", "cert and key go together");
    return rc;
}

static int read_authentication(const struct ex_fields *fields, struct ex_flink_settings *settings) {
    static const char *const keys[] = {"user", "password-file", NULL};
    struct ex_fields basic;
    int rc = ex_field_text(fields, "bearer-token-file", &settings->bearer_token_file);

    if (rc == 0)
        rc = ex_fields_open_member(fields, "basic-auth", keys, &basic);
    if (rc <= 0)
        return rc;
    rc = ex_field_text(&basic, "user", &settings->user);
    if (rc == 0)
        rc = ex_field_text(&basic, "password-file", &settings->password_file);
    if (rc == 0 && (!settings->user || !settings->password_file))
        return ex_field_refuse(fields, "basic-auth", "user and password-file are wanted");
    if (rc == 0 && settings->bearer_token_file)
        return ex_field_refuse(fields, "basic-auth", "there is a bearer-token-file as well");
    return rc;
}

static int read_limits(const struct ex_fields *fields, struct ex_flink_settings *settings) {
    int rc = ex_field_ms(fields, "interval", LEAST_MS, &settings->interval_ms);

    if (rc == 0)
        rc = ex_field_ms(fields, "checkpoints-interval", LEAST_MS,
                         &settings->checkpoints_interval_ms);
    if (rc == 0)
        rc = ex_field_ms(fields, "timeout", LEAST_MS, &settings->timeout_ms);
    if (rc == 0)
        rc = ex_field_bytes(fields, "answer-max", ANSWER_LEAST_BYTES, &settings->answer_max_bytes);
    if (rc == 0)
        rc = ex_field_u32(fields, "max-exceptions", 1, EX_FLINK_EXCEPTIONS_MAX,
                          &settings->max_exceptions);
    return rc;
}

static int read_labels(const struct ex_fields *fields, struct ex_flink_settings *settings) {
    struct fo_str prefix = fo_str_of("flink_");
    int rc = ex_field_str(fields, "label-prefix", &prefix);

    if (rc == 0)
        rc = read_label(prefix.len > 0 ? prefix : fo_str_of("_"), &settings->label_prefix);
    if (rc == -EINVAL || (prefix.len > 0 && isdigit((unsigned char)prefix.ptr[0])))
        return ex_field_refuse(fields, "label-prefix", "letters, digits and _, the first no digit");
    if (rc == 0 && prefix.len == 0)
        settings->label_prefix[0] = '\0';
    if (rc != 0)
        return ex_fields_no_memory(fields);
    return read_words(fields, "labels", EX_FLINK_LABELS_MAX, read_label,
                      "label (letters, digits, _)", &settings->labels);
}

static int read_all(const struct ex_fields *fields, struct ex_flink_settings *settings) {
    int rc = read_words(fields, "urls", EX_FLINK_URLS_MAX, ex_flink_url_read,
                        "address such as http://jobmanager:8081", &settings->urls);

    if (rc == 0)
        rc = read_words(fields, "files", EX_FLINK_FILES_MAX, read_path, "path", &settings->files);
    if (rc == 0 && (!settings->urls || !settings->urls[0]) &&
        (!settings->files || !settings->files[0]))
        return ex_fail(fields->reterr, -EINVAL, fields->line,
                       "%s: urls or files are wanted: where the JobManagers are", fields->what);
    if (rc == 0)
        rc = read_limits(fields, settings);
    if (rc == 0)
        rc = read_tls(fields, settings);
    if (rc == 0)
        rc = read_authentication(fields, settings);
    return rc == 0 ? read_labels(fields, settings) : rc;
}

struct ex_flink_settings *ex_flink_settings_default(void) {
    struct ex_flink_settings *settings = calloc(1, sizeof *settings);

    if (settings)
        *settings = (struct ex_flink_settings){
            .interval_ms = INTERVAL_MS,
            .checkpoints_interval_ms = CHECKPOINTS_INTERVAL_MS,
            .timeout_ms = TIMEOUT_MS,
            .answer_max_bytes = ANSWER_MAX_BYTES,
            .max_exceptions = EXCEPTIONS,
        };
    return settings;
}

int ex_flink_settings_read(const struct ex_tree *tree, json_t *entry,
                           struct ex_flink_settings **ret_settings, struct fo_error *reterr) {
    static const char *const keys[] = {
        "kind",           "urls",       "files",        "interval",   "checkpoints-interval",
        "timeout",        "answer-max", "tls",          "basic-auth", "bearer-token-file",
        "max-exceptions", "labels",     "label-prefix", NULL};
    struct ex_fields fields;
    int rc = ex_fields_open(tree, entry, "flink", keys, &fields, reterr);

    if (rc != 0)
        return rc;
    struct ex_flink_settings *settings = ex_flink_settings_default();
    if (!settings)
        return ex_fields_no_memory(&fields);
    rc = read_all(&fields, settings);
    if (rc != 0) {
        (void)ex_flink_settings_free(settings);
        return rc;
    }
    *ret_settings = settings;
    return 0;
}

struct ex_flink_settings *ex_flink_settings_free(struct ex_flink_settings *settings) {
    if (!settings)
        return NULL;
    free_words(settings->urls);
    free_words(settings->files);
    free_words(settings->labels);
    free(settings->ca_file);
    free(settings->cert_file);
    free(settings->key_file);
    free(settings->user);
    free(settings->password_file);
    free(settings->bearer_token_file);
    free(settings->label_prefix);
    free(settings);
    return NULL;
}
