/* SPDX-License-Identifier: Apache-2.0 */
/* The sections that are maps from names of the user's choice: listeners, engines, roles. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "exporter/config/config_read.h"
#include "exporter/config/fail.h"

enum { LISTENER_TIMEOUT_MS = 10000, MEMORY_LEAST = 1 << 20, RENAMES_MAX = 64 };

/* The entry of a name: a map, or nothing, which is an empty one. */
static int open_entry(const struct ex_fields *section, const char *name, const char *const *keys,
                      struct ex_fields *ret_entry) {
    /* It becomes a label and a folder. */
    if (!ex_is_plain_name(fo_str_of(name), EX_NAME_MAX))
        return ex_field_refuse(section, name, "a name is " EX_PLAIN_NAME, EX_NAME_MAX);
    int rc = ex_fields_open_member(section, name, keys, ret_entry);
    if (rc < 0)
        return rc;
    if (rc == 0)
        *ret_entry = (struct ex_fields){section->tree, NULL, name, ex_field_line(section, name),
                                        section->reterr};
    return 0;
}

/* A map of at most `max` entries. 1: `ret_section` is open; 0: it is not there. */
static int open_section(const struct ex_fields *root, const char *key, size_t max,
                        struct ex_fields *ret_section) {
    int rc = ex_fields_open_member(root, key, NULL, ret_section);

    if (rc > 0 && json_object_size(ret_section->object) > max)
        return ex_field_refuse(root, key, "more than %zu entries", max);
    return rc;
}

/* ---- listeners --------------------------------------------------------------------------- */

static bool is_label_name(struct fo_str name) {
    if (name.len == 0 || name.len > EX_NAME_MAX || isdigit((unsigned char)name.ptr[0]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!isalnum((unsigned char)name.ptr[i]) && name.ptr[i] != '_')
            return false;
    }
    return true;
}

static bool is_reserved(struct fo_str name) {
    static const char *const reserved[] = {"engine", "job_name", "le", "quantile"};

    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (fo_str_equal(name, fo_str_of(reserved[i])))
            return true;
    }
    return name.len >= 2 && memcmp(name.ptr, "__", 2) == 0;
}

static int check_renames(const struct ex_fields *rename) {
    const char *key = NULL;
    json_t *value = NULL;

    if (json_object_size(rename->object) > RENAMES_MAX)
        return ex_fail(rename->reterr, -EINVAL, rename->line, "rename: more than %d labels",
                       RENAMES_MAX);
    json_object_foreach(rename->object, key, value) {
        struct fo_str to = {NULL, 0};
        int rc = ex_field_str(rename, key, &to);
        if (rc != 0)
            return rc;
        if (!json_is_string(value) || !is_label_name(to) || is_reserved(to))
            return ex_field_refuse(
                rename, key, "\"%.*s\" is no label name ([a-zA-Z_][a-zA-Z0-9_]*), or reserved",
                ex_shown(to), to.ptr ? to.ptr : "");
        const char *other = NULL;
        json_t *other_to = NULL;
        json_object_foreach(rename->object, other, other_to) {
            if (other_to != value && json_equal(other_to, value))
                return ex_field_refuse(rename, key, "\"%.*s\" is the new name of %s as well",
                                       ex_shown(to), to.ptr, other);
        }
    }
    return 0;
}

/* A list of at most `max` texts that are not empty; borrowed. */
static int read_texts(const struct ex_fields *fields, const char *key, size_t max,
                      json_t **ret_list) {
    const json_t *list = NULL;
    int rc = ex_field_list(fields, key, &list);

    if (rc != 0 || !list)
        return rc;
    if (json_array_size(list) > max)
        return ex_field_refuse(fields, key, "more than %zu", max);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!json_is_string(json_array_get(list, i)) ||
            json_string_length(json_array_get(list, i)) == 0)
            return ex_fail(fields->reterr, -EINVAL, ex_tree_item_line(fields->tree, list, i),
                           "%s: a list of texts is wanted", key);
    }
    *ret_list = json_object_get(fields->object, key);
    return 0;
}

static int read_catalogue(const struct ex_fields *entry, struct ex_listener_config *listener) {
    int rc = read_texts(entry, "files", EX_RULE_FILES_MAX, &listener->files);

    if (rc == 0)
        rc = read_texts(entry, "before", EX_RULE_FILES_MAX, &listener->before);
    if (rc == 0)
        rc = read_texts(entry, "disable", EX_RULE_TEXTS_MAX, &listener->disable);
    return rc == 0 ? read_texts(entry, "redact", EX_RULE_TEXTS_MAX, &listener->redact) : rc;
}

static int read_limits(const struct ex_fields *entry, struct ex_listener_config *listener) {
    int rc = ex_field_ms(entry, "timeout", 1, &listener->timeout_ms);

    if (rc == 0)
        rc = ex_field_bytes(entry, "memory", MEMORY_LEAST, &listener->memory_bytes);
    if (rc == 0)
        rc = ex_field_u32(entry, "queue", 1, 1000000, &listener->queue);
    if (rc == 0)
        rc = read_texts(entry, "writable", EX_WRITABLE_MAX, &listener->writable);
    listener->config = json_object_get(entry->object, "config");
    return rc;
}

static int read_listener(const struct ex_fields *section, const char *name,
                         struct ex_listener_config *listener) {
    static const char *const catalogue_keys[] = {"files",  "before", "disable",
                                                 "redact", "rename", NULL};
    static const char *const keys[] = {"timeout", "memory",   "queue", "rename",
                                       "config",  "writable", NULL};
    bool is_catalogue = strcmp(name, "catalogue") == 0;
    struct ex_fields entry = {0};
    struct ex_fields rename;

    int rc = open_entry(section, name, is_catalogue ? catalogue_keys : keys, &entry);
    if (rc != 0)
        return rc;
    listener->name = strdup(name);
    listener->line = entry.line;
    listener->timeout_ms = LISTENER_TIMEOUT_MS;
    if (!listener->name)
        return ex_fields_no_memory(section);
    rc = ex_fields_open_member(&entry, "rename", NULL, &rename);
    if (rc > 0) {
        listener->rename = rename.object;
        rc = check_renames(&rename);
    }
    if (rc != 0)
        return rc;
    return is_catalogue ? read_catalogue(&entry, listener) : read_limits(&entry, listener);
}

int ex_config_read_listeners(struct ex_config *config, const struct ex_fields *root) {
    struct ex_fields section;
    const char *name = NULL;
    json_t *value = NULL;

    int rc = open_section(root, "listeners", EX_LISTENERS_MAX, &section);
    if (rc <= 0)
        return rc;
    config->listeners = calloc(json_object_size(section.object) + 1, sizeof *config->listeners);
    if (!config->listeners)
        return ex_fields_no_memory(root);
    json_object_foreach(section.object, name, value) {
        rc = read_listener(&section, name, &config->listeners[config->listener_count++]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* ---- engines ----------------------------------------------------------------------------- */

static const char *const engine_kinds[] = {"local", "push", "flink", NULL};

static int check_engine_keys(const struct ex_fields *section, const char *name, unsigned kind,
                             struct ex_engine_config *engine) {
    static const char *const local_keys[] = {"kind", "user", NULL};
    static const char *const push_keys[] = {"kind", NULL};
    struct ex_fields entry = {0};

    if (strcmp(engine_kinds[kind], "flink") == 0)
        return ex_flink_settings_read(section->tree, json_object_get(section->object, name),
                                      &engine->flink, section->reterr);
    return open_entry(section, name,
                      strcmp(engine_kinds[kind], "local") == 0 ? local_keys : push_keys, &entry);
}

static int read_engine(const struct ex_fields *section, const char *name,
                       struct ex_engine_config *engine) {
    struct ex_fields entry = {0};
    unsigned kind = 0;

    int rc = open_entry(section, name, NULL, &entry);
    if (rc != 0)
        return rc;
    while (engine_kinds[kind] && strcmp(engine_kinds[kind], name) != 0)
        kind++;
    if (!engine_kinds[kind] && !ex_field_is_set(&entry, "kind"))
        return ex_field_refuse(section, name,
                               "its kind is wanted (local, push or flink), for the name is none");
    rc = ex_field_word(&entry, "kind", engine_kinds, &kind);
    if (rc == 0)
        rc = check_engine_keys(section, name, kind, engine);
    if (rc == 0)
        rc = ex_field_text(&entry, "user", &engine->user);
    engine->name = strdup(name);
    engine->kind = rc == 0 ? strdup(engine_kinds[kind]) : NULL;
    engine->line = entry.line;
    return rc != 0 || (engine->name && engine->kind) ? rc : ex_fields_no_memory(section);
}

int ex_config_read_engines(struct ex_config *config, const struct ex_fields *root) {
    struct ex_fields section;
    const char *name = NULL;
    json_t *value = NULL;

    int rc = open_section(root, "engines", EX_ENGINES_MAX, &section);
    if (rc <= 0)
        return rc;
    config->engines = calloc(json_object_size(section.object) + 1, sizeof *config->engines);
    if (!config->engines)
        return ex_fields_no_memory(root);
    json_object_foreach(section.object, name, value) {
        rc = read_engine(&section, name, &config->engines[config->engine_count++]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

const char *ex_config_engine_kind(const struct ex_config *config, struct fo_str name) {
    const struct ex_engine_config *engine = config ? ex_config_engine(config, name) : NULL;

    if (engine)
        return engine->kind;
    /* A Flink cluster has an address, so that its engine must be configured; the others need not.
     */
    for (unsigned i = 0; engine_kinds[i] && strcmp(engine_kinds[i], "flink") != 0; i++) {
        if (fo_str_equal(name, fo_str_of(engine_kinds[i])))
            return engine_kinds[i];
    }
    return NULL;
}

/* ---- roles ------------------------------------------------------------------------------- */

static int add_role(const struct ex_fields *roles, const char *user, struct fo_str word,
                    unsigned *bits) {
    static const char *const words[] = {"read", "report", "control", NULL};

    for (unsigned i = 0; words[i]; i++) {
        if (fo_str_equal(word, fo_str_of(words[i]))) {
            *bits |= 1U << i;
            return 0;
        }
    }
    return ex_field_refuse(roles, user, "\"%.*s\" is not read, report or control", ex_shown(word),
                           word.ptr);
}

static int read_roles_of(const struct ex_fields *roles, const char *user, unsigned *ret_bits) {
    const json_t *list = json_object_get(roles->object, user);
    struct fo_str word = {"", 0};
    int rc = 0;

    if (json_is_array(list)) {
        for (size_t i = 0; i < json_array_size(list) && rc == 0; i++)
            rc = add_role(roles, user, ex_tree_item_text(roles->tree, list, i), ret_bits);
        return rc;
    }
    rc = ex_field_str(roles, user, &word);
    return rc == 0 ? add_role(roles, user, word, ret_bits) : rc;
}

int ex_config_read_roles(struct ex_config *config, const struct ex_fields *section,
                         const char *key) {
    struct ex_fields roles;
    const char *user = NULL;
    json_t *value = NULL;

    int rc = open_section(section, key, EX_ROLES_MAX, &roles);
    if (rc <= 0)
        return rc;
    if (config->roles)
        return ex_field_refuse(section, key, "the roles are there twice");
    config->roles = calloc(json_object_size(roles.object) + 1, sizeof *config->roles);
    if (!config->roles)
        return ex_fields_no_memory(section);
    json_object_foreach(roles.object, user, value) {
        struct ex_role_grant *grant = &config->roles[config->role_count++];
        if (*user == '\0')
            return ex_field_refuse(&roles, user, "a user's name is not empty");
        grant->user = strdup(user);
        if (!grant->user)
            return ex_fields_no_memory(section);
        rc = read_roles_of(&roles, user, &grant->roles);
        if (rc != 0)
            return rc;
    }
    return 0;
}

void ex_config_free_sections(struct ex_config *config) {
    for (uint32_t i = 0; i < config->listener_count; i++)
        free(config->listeners[i].name);
    for (uint32_t i = 0; i < config->engine_count; i++) {
        free(config->engines[i].name);
        free(config->engines[i].kind);
        free(config->engines[i].user);
        (void)ex_flink_settings_free(config->engines[i].flink);
    }
    for (uint32_t i = 0; i < config->role_count; i++)
        free(config->roles[i].user);
    free(config->listeners);
    free(config->engines);
    free(config->roles);
}
