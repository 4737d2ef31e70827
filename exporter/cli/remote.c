/* SPDX-License-Identifier: Apache-2.0 */
/* submit, list, status, failures, logs, cancel, restart, pause, resume: what is asked of a running
 * daemon through its control door. */
#include "exporter/cli/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clean_text.h"
#include "exporter/cli/cli.h"

enum { JOB_MAX_BYTES = 1024 * 1024 };

struct options {
    struct ex_remote_door door;
    uint64_t max;
    const char *attempt;
    bool follow;
    bool json;
    bool help;
};

/* What else a command is told by flags. */
enum command_kind { ANSWER = 1 << 0, FAILURES = 1 << 1, LOGS = 1 << 2 };

struct command {
    const char *name;
    enum command_kind kind;
    const char *usage;
    const char *about;
    int least; /* positional arguments */
    int most;
    const char *method; /* NULL: not one question */
    const char *suffix; /* of "/jobs/JOB"; NULL: the path is `path` */
    const char *path;
    const char *parameter;              /* of the second argument */
    void (*show)(const json_t *answer); /* NULL: nothing but the exit status */
};

static const struct command commands[] = {
    {"list", ANSWER, "list [flags]", "Lists the jobs of a running daemon.", 0, 0, "GET", NULL,
     "/jobs/overview", NULL, ex_remote_show_list},
    {"status", ANSWER, "status [flags] JOB", "Shows how a job is.", 1, 1, "GET", "", NULL, NULL,
     ex_remote_show_status},
    {"failures", FAILURES, "failures [flags] JOB", "Shows the failures of a job, the newest first.",
     1, 1, "GET", "/exceptions", NULL, NULL, ex_remote_show_failures},
    {"logs", LOGS, "logs [flags] JOB [TASK]", "Prints what a task has written, or each task.", 1, 2,
     NULL, NULL, NULL, NULL, NULL},
    {"cancel", ANSWER, "cancel [flags] JOB", "Cancels a job; does not wait for its end.", 1, 1,
     "PATCH", "", NULL, NULL, NULL},
    {"restart", ANSWER, "restart [flags] JOB [TASK]",
     "Restarts a job, or a task with all that must restart with it. Nothing is charged.", 1, 2,
     "POST", "/restart", NULL, "task", NULL},
    {"pause", ANSWER, "pause [flags] JOB", "Holds restarts of a job that come due.", 1, 1, "POST",
     "/pause", NULL, NULL, NULL},
    {"resume", ANSWER, "resume [flags] JOB", "Lets restarts of a job go on.", 1, 1, "POST",
     "/resume", NULL, NULL, NULL},
};

/* ---- flags ---- */

/* Where the control door of the daemon is that these flags are of. */
int ex_remote_find_door(struct ex_remote_door *door) {
    struct ex_client *client = &door->client;

    client->timeout_ms = EX_REMOTE_TIMEOUT_MS;
    if (client->socket || client->address)
        return 0;
    if (!door->storage_path) {
        ex_cli_complain(NULL, &(struct fo_error){
                                  .text = "which daemon? Give --storage.path as the daemon has it, "
                                          "or --control.socket, or --control.address"});
        return -EINVAL;
    }
    (void)snprintf(door->socket, sizeof door->socket, "%s/control.sock", door->storage_path);
    client->socket = door->socket;
    return 0;
}

static int complain_usage(const char *usage) {
    struct fo_error error = {.code = -EINVAL};

    (void)snprintf(error.text, sizeof error.text, "usage: failover_exporter %s", usage);
    ex_cli_complain(NULL, &error);
    return EX_EXIT_FAILED;
}

enum { FLAGS_MAX = 16 };

/* Those that say which daemon is meant, those of this command, and help. */
static size_t list_flags(struct options *options, const struct command *command,
                         struct ex_flag ret_flags[static FLAGS_MAX]) {
    const struct ex_flag door[] = {EX_REMOTE_FLAGS(&options->door)};
    const struct ex_flag help[] = {EX_FLAGS_HELP(&options->help)};
    const struct {
        unsigned kinds;
        struct ex_flag flag;
    } some[] = {
        {FAILURES, {"max", EX_FLAG_COUNT, &options->max, "N", "How many at most (20)."}},
        {LOGS, {"attempt", EX_FLAG_TEXT, &options->attempt, "N", "Which attempt (the current)."}},
        {LOGS,
         {"follow", EX_FLAG_BOOL, &options->follow, "", "Go on until the attempt has ended."}},
        {ANSWER | FAILURES,
         {"json", EX_FLAG_BOOL, &options->json, "", "Print the daemon's answer as it is."}},
    };
    size_t count = sizeof door / sizeof *door;

    memcpy(ret_flags, door, sizeof door);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        if ((some[i].kinds & (unsigned)command->kind) != 0)
            ret_flags[count++] = some[i].flag;
    }
    memcpy(ret_flags + count, help, sizeof help);
    return count + sizeof help / sizeof *help;
}

/* Returns the number of arguments at argv[1...], or -1 with the status to exit with. */
static int parse(struct options *options, const struct command *command, int argc, char **argv,
                 int *ret_status) {
    struct ex_flag flags[FLAGS_MAX];
    const struct ex_cli_command about = {
        .usage = command->usage,
        .about = command->about,
        .flags = flags,
        .flag_count = list_flags(options, command, flags),
        .help = &options->help,
        .usage_error = EX_EXIT_FAILED,
    };

    *options = (struct options){.max = 20};
    int count = ex_cli_start(&about, argc, argv, ret_status);
    if (count < 0)
        return -1;
    *ret_status = EX_EXIT_FAILED;
    if (count < command->least || count > command->most || (count > 0 && argv[1][0] == '\0')) {
        (void)complain_usage(command->usage);
        return -1;
    }
    return ex_remote_find_door(&options->door) < 0 ? -1 : count;
}

/* ---- asking ---- */

/* What the daemon says is wrong. */
static void complain(const struct ex_client_answer *answer, const json_t *json) {
    const char *why = json_string_value(json_array_get(json_object_get(json, "errors"), 0));
    struct fo_error error = {.code = -EREMOTEIO};
    struct ex_buffer clean;

    ex_buffer_init(&clean, (size_t)1 << 16);
    ex_clean_terminal(&clean, fo_str_of(why ? why : "no words"));
    (void)snprintf(error.text, sizeof error.text, "the daemon answered %ld: %s", answer->status,
                   ex_buffer_text(&clean));
    ex_buffer_done(&clean);
    ex_cli_complain(NULL, &error);
}

int ex_remote_fetch(const struct ex_remote_door *door, const struct ex_client_request *request,
                    json_t **ret_json, char **ret_text) {
    struct fo_error error;
    struct ex_client_answer answer;

    if (ex_client_ask(&door->client, request, &answer, &error) < 0) {
        ex_cli_complain(NULL, &error);
        return error.code;
    }
    json_t *json = json_loadb(ex_buffer_text(&answer.body), answer.body.len, 0, NULL);
    bool good = json && answer.status / 100 == 2;
    if (!good) {
        complain(&answer, json);
        json_decref(json);
    } else {
        *ret_json = json;
        if (ret_text)
            *ret_text = ex_buffer_take(&answer.body, &(size_t){0});
    }
    ex_client_answer_done(&answer);
    return good ? 0 : -EREMOTEIO;
}

int ex_remote_ask(const struct ex_remote_door *door, const struct ex_client_request *request,
                  bool json, void (*show)(const json_t *answer)) {
    json_t *answer = NULL;
    char *text = NULL;

    if (ex_remote_fetch(door, request, &answer, &text) < 0)
        return EX_EXIT_FAILED;
    if (json)
        (void)printf("%s\n", text);
    else if (show)
        show(answer);
    json_decref(answer);
    free(text);
    return EX_EXIT_OK;
}

static void make_path(const struct command *command, const struct options *options, int count,
                      char **argv, struct ex_buffer *path) {
    ex_buffer_append_text(path, command->suffix ? "/jobs/" : command->path);
    if (command->suffix) {
        ex_client_escape(path, argv[1]);
        ex_buffer_append_text(path, command->suffix);
    }
    if (count > 1) {
        ex_buffer_printf(path, "?%s=", command->parameter);
        ex_client_escape(path, argv[2]);
    }
    if (command->kind == FAILURES)
        ex_buffer_printf(path, "?maxExceptions=%llu",
                         (unsigned long long)(options->max < INT32_MAX ? options->max : INT32_MAX));
}

int ex_cli_remote(int argc, char **argv) {
    const struct command *command = commands;
    struct options options;
    struct ex_buffer path;
    int status;

    while (strcmp(command->name, argv[0]) != 0)
        command++; /* main() knows only these */
    int count = parse(&options, command, argc, argv, &status);
    if (count < 0)
        return status;
    if (!command->method)
        return ex_remote_logs(&(struct ex_logs_request){
            &options.door, argv[1], count > 1 ? argv[2] : NULL, options.attempt, options.follow});
    ex_buffer_init(&path, EX_REMOTE_PATH_MAX_BYTES);
    make_path(command, &options, count, argv, &path);
    const struct ex_client_request request = {.method = command->method,
                                              .path = ex_buffer_text(&path)};
    status = ex_remote_ask(&options.door, &request, options.json, command->show);
    ex_buffer_done(&path);
    return status;
}

/* ---- submit ---- */

static int read_file(const char *path, struct ex_buffer *bytes, struct fo_error *reterr) {
    FILE *file = fopen(path, "re");
    size_t size = 1;

    *reterr = (struct fo_error){.code = file ? 0 : -errno};
    (void)snprintf(reterr->text, sizeof reterr->text, "%s", strerrordesc_np(errno));
    while (file && size > 0 && bytes->failure == 0) {
        char *room = ex_buffer_reserve(bytes, BUFSIZ);
        size = room ? fread(room, 1, BUFSIZ, file) : 0;
        if (room)
            ex_buffer_commit(bytes, size);
    }
    if (!file)
        return reterr->code;
    int error = ferror(file) ? errno : 0; /* a folder, for one */
    (void)fclose(file);
    if (error != 0) {
        *reterr = (struct fo_error){.code = -error};
        (void)snprintf(reterr->text, sizeof reterr->text, "%s", strerrordesc_np(error));
        return -error;
    }
    if (bytes->failure == 0)
        return 0;
    *reterr = (struct fo_error){.code = bytes->failure, .text = "too large for a job file"};
    return bytes->failure;
}

/* The folder of the job file is where its commands are looked for, as when the daemon reads it. */
static int append_folder(struct ex_buffer *path, const char *file) {
    char *real = realpath(file, NULL);

    if (!real)
        return -errno;
    char *slash = strrchr(real, '/');
    slash[slash == real] = '\0';
    ex_client_escape(path, real);
    free(real);
    return path->failure;
}

static void show_submitted(const json_t *answer) {
    (void)printf("%s\n", json_string_value(json_object_get(answer, "jid")));
}

static int submit(const struct options *options, const char *file) {
    struct fo_error error = {.text = "cannot be read"};
    struct ex_buffer path;
    struct ex_buffer bytes;
    int status = EX_EXIT_FAILED;

    ex_buffer_init(&path, EX_REMOTE_PATH_MAX_BYTES);
    ex_buffer_init(&bytes, JOB_MAX_BYTES + BUFSIZ);
    ex_buffer_append_text(&path, "/jobs?directory=");
    if (read_file(file, &bytes, &error) == 0 && append_folder(&path, file) == 0) {
        const struct ex_client_request request = {.method = "POST",
                                                  .path = ex_buffer_text(&path),
                                                  .content_type = "application/yaml",
                                                  .body = ex_buffer_str(&bytes)};
        status = ex_remote_ask(&options->door, &request, options->json, show_submitted);
    } else {
        ex_cli_complain(file, &error);
    }
    ex_buffer_done(&bytes);
    ex_buffer_done(&path);
    return status;
}

int ex_cli_submit(int argc, char **argv) {
    static const struct command command = {
        .kind = ANSWER,
        .usage = "submit [flags] JOB-FILE",
        .about = "Starts a job on a running daemon and prints its id.",
        .least = 1,
        .most = 1};
    struct options options;
    int status;

    if (parse(&options, &command, argc, argv, &status) < 0)
        return status;
    return submit(&options, argv[1]);
}
