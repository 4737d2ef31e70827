/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/config/fail.h"
#include "exporter/config/job_file.h"
#include "exporter/config/job_read.h"

enum {
    RUNTIME_MAX = 64,
    STOP_TIMEOUT_MS = 10000,
    NOFILE_LEAST = 8,
    ENV_NAME_SIZE = 256,
    ENV_COPIES_BYTES_MAX = 64 << 20,
};

void ex_job_free_words(char **words) {
    for (char **word = words; word && *word; word++)
        free(*word);
    free(words);
}

/* ---- environment ------------------------------------------------------------------------- */

static bool is_env_name(const char *name) {
    size_t len = 0;

    while (isalnum((unsigned char)name[len]) || name[len] == '_')
        len++;
    return len > 0 && len < ENV_NAME_SIZE && name[len] == '\0' && !isdigit((unsigned char)*name);
}

static int add_variable(const struct ex_fields *env, const char *name, char **ret_variable) {
    struct fo_str value = {"", 0};

    if (!is_env_name(name))
        return ex_field_refuse(
            env, name, "a variable's name is up to 255 letters, digits and _, the first no digit");
    if (strncmp(name, "FAILOVER_", strlen("FAILOVER_")) == 0)
        return ex_field_refuse(env, name, "names that begin with FAILOVER_ are ours");
    int rc = ex_field_str(env, name, &value);
    if (rc != 0)
        return rc;
    if (asprintf(ret_variable, "%s=%.*s", name, (int)value.len, value.ptr) != -1)
        return 0;
    *ret_variable = NULL; /* it is undefined after a failure */
    return ex_fields_no_memory(env);
}

static bool sets_variable(const struct ex_fields *env, const char *variable) {
    return json_object_getn(env->object, variable, strcspn(variable, "=")) != NULL;
}

static int fill_env(const struct ex_fields *env, char *const *inherited, char **words) {
    const char *name = NULL;
    json_t *value = NULL;
    size_t count = 0;

    for (; inherited && *inherited; inherited++) {
        if (sets_variable(env, *inherited))
            continue;
        words[count] = strdup(*inherited);
        if (!words[count++])
            return ex_fields_no_memory(env);
    }
    json_object_foreach(env->object, name, value) {
        int rc = add_variable(env, name, &words[count++]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int ex_job_read_env(const struct ex_fields *fields, char *const *inherited, char ***ret_env) {
    struct ex_fields env;
    size_t inherited_count = 0;

    while (inherited && inherited[inherited_count])
        inherited_count++;
    int rc = ex_fields_open_member(fields, "env", NULL, &env);
    if (rc == 0)
        env = (struct ex_fields){fields->tree, NULL, "env", fields->line, fields->reterr};
    size_t count = rc < 0 ? 0 : json_object_size(env.object) + inherited_count;
    if (rc >= 0 && count > EX_ENV_MAX)
        rc = ex_field_refuse(fields, "env", "more than %d variables", EX_ENV_MAX);
    if (rc < 0 || count == 0)
        return rc < 0 ? rc : 0;
    char **words = calloc(count + 1, sizeof *words);
    rc = words ? fill_env(&env, inherited, words) : ex_fields_no_memory(fields);
    if (rc != 0) {
        ex_job_free_words(words);
        return rc;
    }
    *ret_env = words;
    return 0;
}

/* ---- command ----------------------------------------------------------------------------- */

static int copy_word(const struct ex_fields *vertex, const json_t *list, size_t index,
                     char **ret_word) {
    const json_t *item = json_array_get(list, index);
    struct fo_str text = ex_tree_item_text(vertex->tree, list, index);
    int line = ex_tree_item_line(vertex->tree, list, index);

    if (json_is_null(item) || json_is_object(item) || json_is_array(item))
        return ex_fail(vertex->reterr, -EINVAL, line, "command: each word is a text");
    if (index == 0 && text.len == 0)
        return ex_fail(vertex->reterr, -EINVAL, line, "command: its first word is empty");
    *ret_word = strndup(text.ptr, text.len);
    return *ret_word ? 0 : ex_fields_no_memory(vertex);
}

static int read_command(const struct ex_fields *vertex, struct ex_vertex_spec *out) {
    const json_t *list = json_object_get(vertex->object, "command");
    size_t count = json_array_size(list);

    if (json_is_string(list))
        return ex_field_refuse(
            vertex, "command",
            "write a list of words, e.g. [\"sh\", \"-c\", \"...\"]; a command is "
            "never split by a shell");
    if (!json_is_array(list) || count == 0)
        return ex_field_refuse(vertex, "command", "a list with at least one word is wanted");
    if (count > EX_COMMAND_MAX)
        return ex_field_refuse(vertex, "command", "more than %d words", EX_COMMAND_MAX);
    out->command_line = ex_field_line(vertex, "command");
    out->command = calloc(count + 1, sizeof *out->command);
    if (!out->command)
        return ex_fields_no_memory(vertex);
    for (size_t i = 0; i < count; i++) {
        int rc = copy_word(vertex, list, i, &out->command[i]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* ---- vertex ------------------------------------------------------------------------------ */

static int read_id(struct ex_job_reading *reading, const struct ex_fields *vertex,
                   struct ex_vertex_spec *out, uint32_t index) {
    struct fo_str id = {NULL, 0};
    int rc = ex_field_str(vertex, "id", &id);

    if (rc != 0)
        return rc;
    if (!id.ptr)
        return ex_fail(vertex->reterr, -EINVAL, vertex->line, "vertex: an id is wanted");
    if (!ex_is_plain_name(id, EX_VERTEX_ID_MAX))
        return ex_field_refuse(vertex, "id", "\"%.*s\" is not " EX_PLAIN_NAME, ex_shown(id), id.ptr,
                               EX_VERTEX_ID_MAX);
    char *copy = strndup(id.ptr, id.len);
    out->id = (struct fo_str){copy, id.len};
    if (!copy)
        return ex_fields_no_memory(vertex);
    const json_t *twin = json_object_get(reading->indices, copy);
    if (twin)
        return ex_field_refuse(vertex, "id", "\"%s\" is already the vertex on line %d", copy,
                               reading->spec->vertices[json_integer_value(twin)].line);
    if (json_object_set_new(reading->indices, copy, json_integer(index)) != 0)
        return ex_fields_no_memory(vertex);
    return 0;
}

static int read_running(const struct ex_fields *vertex, struct ex_vertex_spec *out) {
    static const char *const readies[] = {"exec", "notify", NULL};
    unsigned ready = EX_READY_EXEC;
    struct fo_str runtime = {NULL, 0};

    int rc = ex_field_word(vertex, "ready", readies, &ready);
    out->ready = (enum ex_ready)ready;
    out->stop_timeout_ms = STOP_TIMEOUT_MS;
    if (rc == 0)
        rc = ex_field_ms(vertex, "stop-timeout", 0, &out->stop_timeout_ms);
    if (rc == 0)
        rc = ex_field_ms(vertex, "timeout", 1, &out->timeout_ms);
    if (rc == 0)
        rc = ex_field_ms(vertex, "watchdog", 1, &out->watchdog_ms);
    if (rc == 0)
        rc = ex_field_str(vertex, "runtime", &runtime);
    if (rc == 0 && runtime.ptr && (runtime.len == 0 || runtime.len > RUNTIME_MAX))
        rc = ex_field_refuse(vertex, "runtime", "from 1 to %d bytes", RUNTIME_MAX);
    return rc == 0 ? ex_field_text(vertex, "runtime", &out->runtime) : rc;
}

static int read_limits(const struct ex_fields *vertex, struct ex_vertex_spec *out) {
    int rc = ex_field_bytes(vertex, "memory", 1, &out->memory_bytes);

    if (rc == 0)
        rc = ex_field_double(vertex, "cpu", 0.001, 65536, &out->cpu);
    if (rc == 0)
        rc = ex_field_u32(vertex, "pids", 1, INT32_MAX, &out->pids);
    if (rc == 0)
        rc = ex_field_u32(vertex, "nofile", NOFILE_LEAST, INT32_MAX, &out->nofile);
    return rc;
}

static int read_vertex(struct ex_job_reading *reading, json_t *node, uint32_t index) {
    static const char *const keys[] = {"id",    "parallelism",  "command", "env",      "runtime",
                                       "ready", "stop-timeout", "timeout", "watchdog", "memory",
                                       "cpu",   "pids",         "nofile",  NULL};
    struct ex_vertex_spec *out = &reading->spec->vertices[index];
    struct ex_fields vertex;

    int rc = ex_fields_open(reading->job.tree, node, "vertex", keys, &vertex, reading->job.reterr);
    if (rc != 0)
        return rc;
    out->line = vertex.line;
    out->parallelism = 1;
    rc = read_id(reading, &vertex, out, index);
    if (rc == 0)
        rc = ex_field_u32(&vertex, "parallelism", 1, FO_PARALLELISM_MAX, &out->parallelism);
    if (rc == 0 && json_object_get(vertex.object, "command"))
        rc = read_command(&vertex, out);
    else if (rc == 0 && reading->wants_commands)
        rc = ex_fail(vertex.reterr, -EINVAL, vertex.line, "vertex \"%s\": a command is wanted",
                     out->id.ptr);
    if (rc == 0)
        rc = ex_job_read_env(&vertex, reading->env, &out->env);
    if (rc == 0)
        rc = read_running(&vertex, out);
    return rc == 0 ? read_limits(&vertex, out) : rc;
}

/* Every vertex gets a copy of the job's variables: a small file must not become large memory. */
static int check_env_copies(const struct ex_job_reading *reading, size_t vertices) {
    size_t bytes = 0;

    for (char **variable = reading->env; variable && *variable; variable++)
        bytes += strlen(*variable) + sizeof *variable;
    if (bytes > ENV_COPIES_BYTES_MAX / vertices)
        return ex_field_refuse(&reading->job, "env",
                               "%zu bytes for each of %zu vertices are too much", bytes, vertices);
    return 0;
}

int ex_job_read_vertices(struct ex_job_reading *reading) {
    const struct ex_fields *job = &reading->job;
    struct ex_job_spec *spec = reading->spec;
    const json_t *list = NULL;

    int rc = ex_field_list(job, "vertices", &list);
    if (rc != 0)
        return rc;
    size_t count = json_array_size(list);
    if (count == 0)
        return ex_field_refuse(job, "vertices", "a job has at least one");
    if (count > FO_VERTICES_MAX)
        return ex_field_refuse(job, "vertices", "more than %u", FO_VERTICES_MAX);
    rc = check_env_copies(reading, count);
    if (rc != 0)
        return rc;
    spec->vertices = calloc(count, sizeof *spec->vertices);
    if (!spec->vertices)
        return ex_fields_no_memory(job);
    for (uint32_t i = 0; i < count; i++) {
        json_t *node = json_array_get(list, i);
        if (!json_is_object(node))
            return ex_fail(job->reterr, -EINVAL, ex_tree_item_line(job->tree, list, i),
                           "vertex: a map (key: value) is wanted");
        spec->vertex_count = i + 1;
        rc = read_vertex(reading, node, i);
        if (rc != 0)
            return rc;
    }
    return 0;
}
