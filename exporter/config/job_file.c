/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/job_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "exporter/base/utf8.h"
#include "exporter/config/config.h"
#include "exporter/config/fail.h"
#include "exporter/config/job_read.h"

/* ---- name, engine, folder ---------------------------------------------------------------- */

/* It stands in paths of the REST API and in lines. A direction of writing may change in it: whoever
 * shows it sees to that. */
static bool is_plain(struct fo_str name) {
    static const uint32_t first_of_directions = 0x202A;
    uint32_t code;

    for (size_t i = 0; i < name.len; i++) {
        struct fo_str rest = {name.ptr + i, name.len - i};
        if (name.ptr[i] == '/' || (ex_utf8_steers(rest, &code) > 0 && code < first_of_directions))
            return false;
    }
    return !fo_str_equal(name, fo_str_of(".")) && !fo_str_equal(name, fo_str_of(".."));
}

/* A name that looks like an id would make "JOB = id or name" ambiguous. */
static bool looks_like_id(struct fo_str name) {
    return name.len == 32 && strspn(name.ptr, "0123456789abcdef") >= 32;
}

static int read_name(struct ex_job_reading *reading) {
    const struct ex_fields *job = &reading->job;
    struct fo_str name = {NULL, 0};
    int rc = ex_field_str(job, "name", &name);

    if (rc != 0)
        return rc;
    if (!name.ptr)
        return ex_fail(job->reterr, -EINVAL, job->line, "job: a name is wanted");
    if (name.len == 0 || name.len > EX_JOB_NAME_MAX)
        return ex_field_refuse(job, "name", "from 1 to %d bytes", EX_JOB_NAME_MAX);
    if (looks_like_id(name))
        return ex_field_refuse(job, "name", "32 hexadecimal digits are a job id, not a name");
    if (!is_plain(name))
        return ex_field_refuse(job, "name",
                               "no control characters and no /, nothing that turns "
                               "the direction of writing, and not . or ..");
    return ex_field_text(job, "name", &reading->spec->name);
}

static bool has_commands(const struct ex_fields *job) {
    const json_t *list = json_object_get(job->object, "vertices");

    for (size_t i = 0; i < json_array_size(list); i++) {
        if (json_object_get(json_array_get(list, i), "command"))
            return true;
    }
    return false;
}

/* Who runs the job. Only the local engine needs commands. */
static int read_engine(struct ex_job_reading *reading, const struct ex_job_origin *origin,
                       const struct ex_config *config) {
    const struct ex_fields *job = &reading->job;
    struct ex_job_spec *spec = reading->spec;
    bool push = origin->commands_optional && !has_commands(job);
    struct fo_str name = fo_str_of(push ? "push" : "local");
    int rc = ex_field_str(job, "engine", &name);

    if (rc != 0)
        return rc;
    const char *kind = ex_config_engine_kind(config, name);
    if (!kind || strcmp(kind, "flink") == 0)
        return ex_field_refuse(job, "engine", "\"%.*s\" is no engine that runs jobs for us",
                               ex_shown(name), name.ptr);
    reading->wants_commands = strcmp(kind, "local") == 0;
    spec->engine = strndup(name.ptr, name.len);
    spec->engine_kind = strdup(kind);
    return spec->engine && spec->engine_kind ? 0 : ex_fields_no_memory(job);
}

static int read_working_directory(struct ex_job_reading *reading,
                                  const struct ex_job_origin *origin) {
    const struct ex_fields *job = &reading->job;
    struct fo_str folder = {NULL, 0};
    int rc = ex_field_str(job, "working-directory", &folder);

    if (rc != 0 || !reading->wants_commands)
        return rc;
    if (folder.ptr && folder.len == 0)
        return ex_field_refuse(job, "working-directory", "it is empty");
    if (folder.ptr)
        reading->spec->working_directory_line = ex_field_line(job, "working-directory");
    bool absolute = folder.ptr && folder.ptr[0] == '/';
    if (!absolute && !origin->working_directory)
        return ex_field_refuse(job, "working-directory",
                               "an absolute path is wanted, for the job did not come as a file");
    int len = asprintf(
        &reading->spec->working_directory, "%s%s%.*s", absolute ? "" : origin->working_directory,
        absolute || folder.len == 0 ? "" : "/", (int)folder.len, folder.ptr ? folder.ptr : "");
    return len == -1 ? ex_fields_no_memory(job) : 0;
}

/* ---- configuration ----------------------------------------------------------------------- */

static int read_configuration(struct ex_job_reading *reading, struct ex_settings *settings) {
    struct ex_fields section;
    const char *key = NULL;
    json_t *value = NULL;

    int rc = ex_fields_open_member(&reading->job, "configuration", NULL, &section);
    if (rc <= 0)
        return rc;
    json_object_foreach(section.object, key, value) {
        rc =
            ex_settings_add_member(settings, section.tree, section.object, "", key, section.reterr);
        if (rc != 0)
            return rc;
    }
    return ex_options_check(settings, true, &reading->spec->notices, section.reterr);
}

/* The level that says how long the history is: the job's own, if it does. */
static int choose_history(const struct ex_strategy_choice *choice, uint32_t *ret_size,
                          struct fo_error *reterr) {
    bool by_job = ex_settings_get(&choice->job, ex_option(EX_OPTION_EXCEPTION_HISTORY)->key).ptr;
    int32_t size = 0;
    int rc = ex_option_i32(by_job ? &choice->job : &choice->cluster, EX_OPTION_EXCEPTION_HISTORY,
                           &size, reterr);

    if (rc == 0)
        *ret_size = (uint32_t)size;
    return rc;
}

static int choose_decisions(struct ex_job_reading *reading, const struct ex_config *config,
                            const struct ex_settings *settings) {
    struct ex_job_spec *spec = reading->spec;
    struct fo_error *reterr = reading->job.reterr;
    struct ex_strategy_choice choice = {.job = *settings,
                                        .checkpointing = spec->checkpointing,
                                        .profile = config ? config->profile : EX_FLINK_1};

    if (config)
        choice.cluster = config->settings;
    int rc = ex_restart_strategy_load(&choice, &spec->decisions.restart_strategy, reterr);
    if (rc == 0)
        rc = ex_failover_strategy_choose(&choice, &spec->decisions.failover_strategy, reterr);
    if (rc == 0)
        rc = choose_history(&choice, &spec->decisions.history_size, reterr);
    spec->strategy_from_job = ex_restart_strategy_is_named(settings);
    if (config) {
        spec->policies = ex_policies_ref(config->policies);
        spec->decisions.policies = spec->policies->items;
        spec->decisions.policy_count = spec->policies->count;
    }
    return rc;
}

static int read_decisions(struct ex_job_reading *reading, const struct ex_config *config) {
    struct ex_settings settings;

    if (ex_settings_init(&settings) != 0)
        return ex_fields_no_memory(&reading->job);
    int rc = read_configuration(reading, &settings);
    if (rc == 0)
        rc = choose_decisions(reading, config, &settings);
    reading->spec->configuration = json_incref(settings.values);
    ex_settings_done(&settings);
    return rc;
}

/* ---- the whole --------------------------------------------------------------------------- */

static int hash_chunk(const char *bytes, size_t len, void *state) {
    return XXH3_64bits_update(state, bytes, len) == XXH_OK ? 0 : -1;
}

/* What the file means: comments, order of keys and spelling of numbers do not count. */
static int hash_content(struct ex_job_reading *reading) {
    const char *folder = reading->spec->working_directory;
    XXH3_state_t *state = XXH3_createState();

    if (!state)
        return ex_fields_no_memory(&reading->job);
    bool ok = XXH3_64bits_reset(state) == XXH_OK &&
              json_dump_callback(reading->job.object, hash_chunk, state,
                                 JSON_COMPACT | JSON_SORT_KEYS) == 0 &&
              hash_chunk(folder ? folder : "", folder ? strlen(folder) : 0, state) == 0;
    reading->spec->content_hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    reading->spec->source = json_dumps(reading->job.object, JSON_COMPACT);
    ok = ok && reading->spec->source;
    return ok ? 0 : ex_fields_no_memory(&reading->job);
}

static int read_job(struct ex_job_reading *reading, const struct ex_job_origin *origin,
                    const struct ex_config *config) {
    int rc = read_name(reading);

    if (rc == 0)
        rc = read_engine(reading, origin, config);
    if (rc == 0)
        rc = ex_field_bool(&reading->job, "checkpointing", &reading->spec->checkpointing);
    if (rc == 0)
        rc = read_working_directory(reading, origin);
    if (rc == 0)
        rc = ex_job_read_env(&reading->job, NULL, &reading->env);
    if (rc == 0)
        rc = ex_job_read_vertices(reading);
    if (rc == 0)
        rc = ex_job_read_edges(reading);
    if (rc == 0)
        rc = ex_job_check_cycles(reading->spec, reading->job.reterr);
    if (rc == 0)
        rc = ex_job_build_graph(reading);
    if (rc == 0)
        rc = read_decisions(reading, config);
    return rc == 0 ? hash_content(reading) : rc;
}

static int spec_new(const struct ex_job_origin *origin, struct ex_job_spec **ret_spec,
                    struct fo_error *reterr) {
    struct ex_job_spec *spec = calloc(1, sizeof *spec);

    if (!spec)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    spec->owners = 1;
    spec->commands_optional = origin->commands_optional;
    spec->path = origin->path ? strdup(origin->path) : NULL;
    spec->folder = origin->working_directory ? strdup(origin->working_directory) : NULL;
    if ((origin->path && !spec->path) || (origin->working_directory && !spec->folder)) {
        ex_job_spec_unref(spec);
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    }
    *ret_spec = spec;
    return 0;
}

static int read_tree(const struct ex_tree *tree, const struct ex_job_origin *origin,
                     const struct ex_config *config, struct ex_job_spec **ret_spec,
                     struct fo_error *reterr) {
    static const char *const keys[] = {
        "name",  "engine", "checkpointing", "working-directory", "env", "configuration", "vertices",
        "edges", NULL};
    struct ex_job_reading reading = {.indices = json_object()};

    int rc = json_is_null(ex_tree_root(tree))
                 ? ex_fail(reterr, -EINVAL, 1, "job: it is empty")
                 : ex_fields_open(tree, ex_tree_root(tree), "job", keys, &reading.job, reterr);
    if (rc == 0 && !reading.indices)
        rc = ex_fields_no_memory(&reading.job);
    if (rc == 0)
        rc = spec_new(origin, &reading.spec, reterr);
    if (rc == 0)
        rc = read_job(&reading, origin, config);
    json_decref(reading.indices);
    ex_job_free_words(reading.env);
    if (rc != 0) {
        ex_job_spec_unref(reading.spec);
        return rc;
    }
    *ret_spec = reading.spec;
    return 0;
}

int ex_job_parse(struct fo_str bytes, const struct ex_job_origin *origin,
                 const struct ex_config *config, struct ex_job_spec **ret_spec,
                 struct fo_error *reterr) {
    static const struct ex_job_origin nowhere = {.commands_optional = true};
    struct ex_tree *tree = NULL;
    int rc = ex_tree_parse(bytes, NULL, &tree, reterr);

    if (rc == 0)
        rc = read_tree(tree, origin ? origin : &nowhere, config, ret_spec, reterr);
    ex_tree_free(tree);
    return rc;
}

/* The folder of a file, absolute, and the file in it. */
static int locate(const char *path, char **ret_folder, char **ret_path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    char *absolute = folder ? realpath(folder, NULL) : NULL;
    int rc = -errno;

    free(folder);
    if (!absolute)
        return rc;
    const char *base = slash ? slash + 1 : path;
    if (asprintf(ret_path, "%s/%s", strcmp(absolute, "/") == 0 ? "" : absolute, base) == -1) {
        free(absolute);
        *ret_path = NULL; /* it is undefined after a failure */
        return -ENOMEM;
    }
    *ret_folder = absolute;
    return 0;
}

int ex_job_file_load(const char *path, const struct ex_config *config,
                     struct ex_job_spec **ret_spec, struct fo_error *reterr) {
    struct ex_tree *tree = NULL;
    char *folder = NULL;
    char *absolute = NULL;

    int rc = ex_tree_load(path, NULL, &tree, reterr);
    if (rc != 0)
        return rc;
    rc = locate(path, &folder, &absolute);
    if (rc != 0) {
        ex_fail(reterr, rc, 0, "cannot find its folder: %s", strerrordesc_np(-rc));
    } else {
        struct ex_job_origin origin = {.path = absolute, .working_directory = folder};
        rc = read_tree(tree, &origin, config, ret_spec, reterr);
    }
    free(folder);
    free(absolute);
    ex_tree_free(tree);
    return rc;
}
