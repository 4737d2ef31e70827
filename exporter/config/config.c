/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "exporter/config/config_read.h"
#include "exporter/config/fail.h"
#include "exporter/config/nearest.h"

/* ---- keys -------------------------------------------------------------------------------- */

static const char *const sections[] = {"listeners", "policies", "engines", "web.roles", NULL};

static bool is_section(const char *key) {
    for (size_t i = 0; sections[i]; i++) {
        if (strcmp(sections[i], key) == 0)
            return true;
    }
    return false;
}

/* Whether some known key begins with `head` and a dot. */
static bool is_head(const char *head) {
    size_t len = strlen(head);

    for (unsigned i = 0; i < EX_OPTION_COUNT; i++) {
        const struct ex_option *option = ex_option((enum ex_option_id)i);
        if (strncmp(option->key, head, len) == 0 && option->key[len] == '.')
            return true;
    }
    return ex_flink_key_begins_with(head);
}

/* A misspelt section is told as such, not by the first key inside of it. */
static int refuse_section(const struct ex_fields *root, const char *key) {
    struct ex_nearest nearest = ex_nearest_to(fo_str_of(key));

    for (size_t i = 0; sections[i]; i++)
        ex_nearest_try(&nearest, fo_str_of(sections[i]));
    for (unsigned i = 0; i < EX_OPTION_COUNT; i++) {
        const char *option = ex_option((enum ex_option_id)i)->key;
        ex_nearest_try(&nearest, (struct fo_str){option, strcspn(option, ".")});
    }
    return ex_fail(root->reterr, -EINVAL, ex_field_line(root, key),
                   "unknown section \"%.*s\"; the nearest known one is \"%.*s\"", EX_SHOWN_MAX, key,
                   (int)nearest.best.len, nearest.best.ptr);
}

/* `web` holds Flink's keys and one of ours that is more than a value. */
static int read_web(struct ex_config *config, const struct ex_fields *root) {
    struct ex_fields web;
    const char *key = NULL;
    json_t *value = NULL;

    int rc = ex_fields_open_member(root, "web", NULL, &web);
    if (rc <= 0)
        return rc;
    json_object_foreach(web.object, key, value) {
        rc = strcmp(key, "roles") == 0 ? ex_config_read_roles(config, &web, key)
                                       : ex_settings_add_member(&config->settings, web.tree,
                                                                web.object, "web", key, web.reterr);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int read_member(struct ex_config *config, const struct ex_fields *root, const char *key) {
    const json_t *value = json_object_get(root->object, key);

    if (is_section(key))
        return 0;
    if (strcmp(key, "web") == 0)
        return read_web(config, root);
    if (json_is_object(value) && !is_head(key) && !strchr(key, '.'))
        return refuse_section(root, key);
    return ex_settings_add_member(&config->settings, root->tree, root->object, "", key,
                                  root->reterr);
}

static int read_settings(struct ex_config *config, const struct ex_fields *root) {
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(root->object, key, value) {
        int rc = read_member(config, root, key);
        if (rc != 0)
            return rc;
    }
    return ex_options_check(&config->settings, false, &config->notices, root->reterr);
}

/* ---- typed values ------------------------------------------------------------------------ */

static int refuse_setting(const struct ex_config *config, enum ex_option_id id, const char *wanted,
                          struct fo_error *reterr) {
    const char *key = ex_option(id)->key;
    struct fo_str text = ex_option_text(&config->settings, id);

    return ex_fail(reterr, -EINVAL, ex_settings_line(&config->settings, key),
                   "%s: \"%.*s\" is not %s", key, ex_shown(text), text.ptr, wanted);
}

/* One word of metrics.job.status.enable; words are parted by ',' or ';'. */
static unsigned job_status_bit(struct fo_str word) {
    static const struct {
        const char *name;
        unsigned bit;
    } names[] = {{"STATE", EX_JOB_STATUS_STATE},
                 {"CURRENT_TIME", EX_JOB_STATUS_CURRENT_TIME},
                 {"TOTAL_TIME", EX_JOB_STATUS_TOTAL_TIME}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (fo_str_equal(word, fo_str_of(names[i].name)))
            return names[i].bit;
    }
    return 0;
}

/* The next word of a list parted by any of `separators`, trimmed; 0 at the end. Empty words are
 * passed over. */
static bool next_word(struct fo_str *rest, const char *separators, struct fo_str *ret_word) {
    while (rest->len > 0) {
        size_t len = 0;
        while (len < rest->len && !strchr(separators, rest->ptr[len]))
            len++;
        struct fo_str word = {rest->ptr, len};
        size_t passed = len < rest->len ? len + 1 : len;
        *rest = (struct fo_str){rest->ptr + passed, rest->len - passed};
        while (word.len > 0 && isspace((unsigned char)word.ptr[0]))
            word = (struct fo_str){word.ptr + 1, word.len - 1};
        while (word.len > 0 && isspace((unsigned char)word.ptr[word.len - 1]))
            word.len--;
        if (word.len > 0) {
            *ret_word = word;
            return true;
        }
    }
    return false;
}

static int read_job_status(struct ex_config *config, struct fo_error *reterr) {
    struct fo_str rest = ex_option_text(&config->settings, EX_OPTION_JOB_STATUS_METRICS);
    struct fo_str word;

    while (next_word(&rest, ",;", &word)) {
        unsigned bit = job_status_bit(word);
        if (bit == 0)
            return refuse_setting(config, EX_OPTION_JOB_STATUS_METRICS,
                                  "a list of STATE, CURRENT_TIME and TOTAL_TIME", reterr);
        config->job_status_metrics |= bit;
    }
    return 0;
}

/* Names of metric families, in which * stands for any characters. */
static int read_families(const struct ex_config *config, enum ex_option_id id,
                         struct fo_str *ret_list, struct fo_error *reterr) {
    struct fo_str rest = ex_option_text(&config->settings, id);
    struct fo_str word;

    *ret_list = rest;
    while (next_word(&rest, ",;", &word)) {
        for (size_t i = 0; i < word.len; i++) {
            if (!isalnum((unsigned char)word.ptr[i]) && word.ptr[i] != '_' && word.ptr[i] != '*')
                return refuse_setting(config, id, "a list of names of metric families", reterr);
        }
    }
    return 0;
}

static int read_count(const struct ex_config *config, enum ex_option_id id, uint32_t *ret_count,
                      struct fo_error *reterr) {
    int32_t count = 0;
    int rc = ex_option_i32(&config->settings, id, &count, reterr);

    if (rc == 0)
        *ret_count = (uint32_t)count; /* ex_options_check() has seen that it is not negative */
    return rc;
}

static int read_counts(struct ex_config *config, struct fo_error *reterr) {
    const struct {
        enum ex_option_id id;
        uint32_t *ret_count;
    } counts[] = {
        {EX_OPTION_EXCEPTION_HISTORY, &config->exception_history_size},
        {EX_OPTION_ATTEMPTS_HISTORY, &config->attempts_history_size},
        {EX_OPTION_METRICS_VALUE_BYTES, &config->metrics_value_bytes},
        {EX_OPTION_METRICS_VALUES_PER_LABEL, &config->metrics_values_per_label},
        {EX_OPTION_METRICS_SERIES_PER_FAMILY, &config->metrics_series_per_family},
        {EX_OPTION_METRICS_SERIES_TOTAL, &config->metrics_series_total},
        {EX_OPTION_STORAGE_COUNT, &config->storage_retention_count},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof counts / sizeof counts[0] && rc == 0; i++)
        rc = read_count(config, counts[i].id, counts[i].ret_count, reterr);
    return rc;
}

static int read_durations(struct ex_config *config, struct fo_error *reterr) {
    const struct {
        enum ex_option_id id;
        int64_t *ret_ms;
    } durations[] = {
        {EX_OPTION_REFRESH_INTERVAL, &config->refresh_interval_ms},
        {EX_OPTION_HEARTBEAT_TIMEOUT, &config->heartbeat_timeout_ms},
        {EX_OPTION_METRICS_RETENTION, &config->metrics_retention_ms},
        {EX_OPTION_STORAGE_AGE, &config->storage_retention_age_ms},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof durations / sizeof durations[0] && rc == 0; i++)
        rc = ex_option_ms(&config->settings, durations[i].id, durations[i].ret_ms, reterr);
    return rc;
}

/* What no job could be run with is wrong already here. */
static int try_strategies(const struct ex_config *config, struct fo_error *reterr) {
    struct ex_strategy_choice choice = {.cluster = config->settings, .profile = config->profile};
    struct fo_strategy_config strategy;
    enum fo_failover_kind failover = FO_FAILOVER_REGION;
    int rc = ex_restart_strategy_load(&choice, &strategy, reterr);

    return rc == 0 ? ex_failover_strategy_choose(&choice, &failover, reterr) : rc;
}

static int read_values(struct ex_config *config, struct fo_error *reterr) {
    struct fo_str profile = ex_option_text(&config->settings, EX_OPTION_COMPATIBILITY);

    if (profile.len != 1 || ex_flink_profile_parse(profile, &config->profile) != 0)
        return refuse_setting(config, EX_OPTION_COMPATIBILITY, "\"1\" or \"2\"", reterr);
    config->failure_enrichers = ex_option_text(&config->settings, EX_OPTION_ENRICHERS);
    config->failure_enrichers_line =
        ex_settings_line(&config->settings, ex_option(EX_OPTION_ENRICHERS)->key);
    int rc = read_job_status(config, reterr);
    if (rc == 0)
        rc = read_families(config, EX_OPTION_METRICS_ALLOWLIST, &config->metrics_allowlist, reterr);
    if (rc == 0)
        rc = read_families(config, EX_OPTION_METRICS_DENYLIST, &config->metrics_denylist, reterr);
    if (rc == 0)
        rc = read_counts(config, reterr);
    if (rc == 0)
        rc = read_durations(config, reterr);
    if (rc == 0)
        rc = ex_option_bytes(&config->settings, EX_OPTION_STORAGE_BYTES,
                             &config->storage_retention_bytes, reterr);
    if (rc == 0)
        rc = ex_option_bytes(&config->settings, EX_OPTION_METRICS_BYTES_TOTAL,
                             &config->metrics_bytes_total, reterr);
    if (rc == 0)
        rc = ex_option_bool(&config->settings, EX_OPTION_WEB_CANCEL, &config->web_cancel, reterr);
    if (rc == 0)
        rc = ex_option_bool(&config->settings, EX_OPTION_WEB_SUBMIT, &config->web_submit, reterr);
    return rc == 0 ? try_strategies(config, reterr) : rc;
}

static bool is_started(const struct ex_config *config, const char *listener) {
    struct fo_str rest = config->failure_enrichers;
    struct fo_str word;

    while (next_word(&rest, ",", &word)) {
        if (fo_str_equal(word, fo_str_of(listener)))
            return true;
    }
    return false;
}

static int notice_idle_listeners(struct ex_config *config, const struct ex_fields *root) {
    for (uint32_t i = 0; i < config->listener_count; i++) {
        const struct ex_listener_config *listener = &config->listeners[i];
        if (!is_started(config, listener->name) &&
            ex_notices_add(&config->notices, listener->line,
                           "the listener \"%s\" is not in jobmanager.failure-enrichers, so it does "
                           "not run",
                           listener->name) != 0)
            return ex_fields_no_memory(root);
    }
    return 0;
}

/* ---- the whole --------------------------------------------------------------------------- */

static int read_root(struct ex_config *config, const struct ex_fields *root) {
    const json_t *policies = NULL;
    int rc = read_settings(config, root);

    if (rc == 0)
        rc = read_values(config, root->reterr);
    if (rc == 0)
        rc = ex_field_list(root, "policies", &policies);
    if (rc == 0)
        rc = ex_policies_read(root->tree, policies, &config->policies, root->reterr);
    if (rc == 0)
        rc = ex_config_read_listeners(config, root);
    if (rc == 0)
        rc = ex_config_read_engines(config, root);
    if (rc == 0)
        rc = ex_config_read_roles(config, root, "web.roles");
    return rc == 0 ? notice_idle_listeners(config, root) : rc;
}

/* Takes the tree. */
static int config_new(struct ex_tree *tree, const char *folder, struct ex_config **ret_config,
                      struct fo_error *reterr) {
    struct ex_config *config = calloc(1, sizeof *config);
    struct ex_fields root = {.tree = tree, .what = "configuration", .reterr = reterr};
    int rc = 0;

    if (!config) {
        ex_tree_free(tree);
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    }
    config->owners = 1;
    config->tree = tree;
    config->hash = ex_tree_hash(tree);
    config->folder = strdup(folder);
    if (!config->folder || ex_settings_init(&config->settings) != 0)
        rc = ex_fields_no_memory(&root);
    /* An empty file is a configuration without settings. */
    if (rc == 0 && !json_is_null(ex_tree_root(tree)))
        rc = ex_fields_open(tree, ex_tree_root(tree), "configuration", NULL, &root, reterr);
    if (rc == 0)
        rc = read_root(config, &root);
    if (rc != 0) {
        ex_config_unref(config);
        return rc;
    }
    *ret_config = config;
    return 0;
}

int ex_config_parse(struct fo_str bytes, const char *folder, struct ex_config **ret_config,
                    struct fo_error *reterr) {
    struct ex_tree *tree = NULL;
    int rc = ex_tree_parse(bytes, NULL, &tree, reterr);

    return rc == 0 ? config_new(tree, folder, ret_config, reterr) : rc;
}

int ex_config_load(const char *path, struct ex_config **ret_config, struct fo_error *reterr) {
    struct ex_tree *tree = NULL;

    if (!path)
        return ex_config_parse(fo_str_of(""), ".", ret_config, reterr);
    int rc = ex_tree_load(path, NULL, &tree, reterr);
    if (rc != 0)
        return rc;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder) {
        ex_tree_free(tree);
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    }
    rc = config_new(tree, folder, ret_config, reterr);
    free(folder);
    return rc;
}

struct ex_config *ex_config_ref(struct ex_config *config) {
    __atomic_add_fetch(&config->owners, 1, __ATOMIC_RELAXED);
    return config;
}

struct ex_config *ex_config_unref(struct ex_config *config) {
    if (!config || __atomic_sub_fetch(&config->owners, 1, __ATOMIC_ACQ_REL) > 0)
        return NULL;
    ex_settings_done(&config->settings);
    ex_policies_unref(config->policies);
    ex_config_free_sections(config);
    ex_notices_done(&config->notices);
    ex_tree_free(config->tree);
    free(config->folder);
    free(config);
    return NULL;
}

const struct ex_listener_config *ex_config_listener(const struct ex_config *config,
                                                    struct fo_str name) {
    for (uint32_t i = 0; i < config->listener_count; i++) {
        if (fo_str_equal(fo_str_of(config->listeners[i].name), name))
            return &config->listeners[i];
    }
    return NULL;
}

const struct ex_engine_config *ex_config_engine(const struct ex_config *config,
                                                struct fo_str name) {
    for (uint32_t i = 0; i < config->engine_count; i++) {
        if (fo_str_equal(fo_str_of(config->engines[i].name), name))
            return &config->engines[i];
    }
    return NULL;
}
