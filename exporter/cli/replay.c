/* SPDX-License-Identifier: Apache-2.0 */
/* replay FAILURES: judges and decides a recorded log of failures again, under another
 * configuration, and prints what differs. The log knows nothing of the jobs' graphs: what is
 * compared is whether and after which delay a failure was answered by a restart, and how it was
 * categorised. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/cli/cli.h"
#include "exporter/cli/flags.h"
#include "exporter/config/config.h"
#include "exporter/config/job_file.h"
#include "exporter/daemon/catalogue_load.h"
#include "exporter/events/event.h"
#include "listeners/catalogue/catalogue.h"

enum { JOBS_MAX = 10000, EXCEPTIONS_MAX = 32 };

/* A job of the log, as far as its strategies go: one task stands for all. */
struct replayed_job {
    char *name;
    struct fo_job *core;
    bool ended;
};

struct replay {
    struct ex_config *config;
    struct catalogue *catalogue;
    struct catalogue_scratch *scratch;
    struct ex_job_spec *spec; /* with the configuration's strategies */
    struct replayed_job *jobs;
    size_t job_count;
    struct fo_actions actions;
    uint64_t failures;
    uint64_t different;
    uint64_t bad;
};

/* ---- the jobs ---- */

static void step(struct replay *replay, struct replayed_job *job, struct fo_event event,
                 int64_t now_ms) {
    replay->actions.count = 0;
    event.cause.lost.producer = FO_NO_TASK;
    if (fo_job_step(job->core, &event, now_ms, UINT64_MAX / 2, &replay->actions) < 0)
        replay->actions.count = 0;
}

static void report(struct replay *replay, struct replayed_job *job, enum fo_task_state state,
                   int64_t now_ms) {
    step(replay, job,
         (struct fo_event){.kind = FO_EVENT_TASK_STATE,
                           .attempt = fo_job_task_attempt(job->core, 0),
                           .state = state},
         now_ms);
}

static int begin(struct replay *replay, struct replayed_job *job, int64_t now_ms) {
    struct fo_error error;

    job->core = fo_job_free(job->core);
    job->ended = false;
    int ret =
        fo_job_new(&replay->spec->decisions, replay->spec->graph, NULL, now_ms, &job->core, &error);
    if (ret == 0)
        step(replay, job, (struct fo_event){.kind = FO_EVENT_START}, now_ms);
    return ret;
}

static struct replayed_job *find_job(struct replay *replay, struct fo_str name, int64_t now_ms) {
    for (size_t i = 0; i < replay->job_count; i++) {
        struct replayed_job *job = &replay->jobs[i];
        if (fo_str_equal(fo_str_of(job->name), name))
            return !job->ended || begin(replay, job, now_ms) == 0 ? job : NULL;
    }
    if (replay->job_count == JOBS_MAX)
        return NULL;
    struct replayed_job *job = &replay->jobs[replay->job_count];
    job->name = strndup(name.ptr, name.len);
    if (!job->name || begin(replay, job, now_ms) < 0)
        return NULL;
    replay->job_count++;
    return job;
}

/* All that was restarted runs again by the next failure: else it could not have failed. */
static void catch_up(struct replay *replay, struct replayed_job *job, int64_t now_ms) {
    step(replay, job, (struct fo_event){.kind = FO_EVENT_TIME}, now_ms);
    if (fo_job_task_state(job->core, 0) == FO_TASK_DEPLOYING)
        report(replay, job, FO_TASK_RUNNING, now_ms);
}

static const struct fo_decision *decision_of(const struct replay *replay) {
    for (size_t i = 0; i < replay->actions.count; i++) {
        if (replay->actions.items[i].kind == FO_ACTION_DECISION)
            return &replay->actions.items[i].decision;
    }
    return NULL;
}

/* ---- a failure ---- */

struct outcome {
    bool known;
    bool restart;
    int64_t delay_ms;
    struct fo_str category;
    struct fo_str cause;
};

static void judge(struct replay *replay, const struct fl_failure *failure,
                  struct fo_label labels[static CATALOGUE_LABELS_MAX], uint32_t *ret_count) {
    struct fo_str exceptions[EXCEPTIONS_MAX];
    struct catalogue_verdict verdict;
    struct catalogue_input input = {
        .head = failure->output,
        .exited = failure->exit_code >= 0,
        .exit_code = failure->exit_code,
        .signal = failure->signal,
        .runtime = failure->runtime,
        .platform_reason = failure->platform_reason,
        .exceptions = exceptions,
        .evidence = (failure->deadline_exceeded ? CATALOGUE_DEADLINE_EXCEEDED : 0u) |
                    (failure->cgroup_oom_kill == FL_PROOF_YES ? CATALOGUE_CGROUP_OOM_KILL : 0u) |
                    (failure->heartbeat_missed ? CATALOGUE_HEARTBEAT_MISSED : 0u),
    };

    while (input.exception_count < failure->exception_count &&
           input.exception_count < EXCEPTIONS_MAX) {
        exceptions[input.exception_count] = failure->exceptions[input.exception_count].class_name;
        input.exception_count++;
    }
    (void)catalogue_classify(replay->catalogue, &input, replay->scratch, &verdict);
    *ret_count = (uint32_t)catalogue_verdict_labels(&verdict, labels);
}

static struct fo_str label(const struct fo_label *labels, uint32_t count, const char *key) {
    for (uint32_t i = 0; i < count; i++) {
        if (fo_str_equal(labels[i].key, fo_str_of(key)))
            return labels[i].value;
    }
    return fo_str_of("");
}

static struct outcome decide_again(struct replay *replay, const struct fl_failure *failure,
                                   bool non_recoverable,
                                   struct fo_label labels[static CATALOGUE_LABELS_MAX]) {
    struct replayed_job *job = find_job(replay, failure->job_name, failure->time_ms);
    struct outcome outcome = {.known = false};
    uint32_t count = 0;

    judge(replay, failure, labels, &count);
    outcome.category = label(labels, count, "category");
    outcome.cause = label(labels, count, "cause");
    if (!job)
        return outcome;
    catch_up(replay, job, failure->time_ms);
    step(replay, job,
         (struct fo_event){.kind = FO_EVENT_GLOBAL_FAILURE,
                           .cause = {.failure_id = failure->id,
                                     .non_recoverable = non_recoverable,
                                     .labels = labels,
                                     .label_count = count}},
         failure->time_ms);
    const struct fo_decision *decision = decision_of(replay);
    if (decision) {
        outcome.known = true;
        outcome.restart = decision->restart;
        outcome.delay_ms = decision->delay_ms;
    }
    if (fo_job_task_state(job->core, 0) == FO_TASK_CANCELING)
        report(replay, job, FO_TASK_CANCELED, failure->time_ms);
    job->ended = fo_job_state_is_terminal(fo_job_state(job->core));
    return outcome;
}

static struct fo_str text_of(const json_t *object, const char *key) {
    const json_t *text = json_object_get(object, key);

    return (struct fo_str){json_string_value(text), json_string_length(text)};
}

/* What the log says: the verdict, where it has one, is the categoriser's before other listeners. */
static struct outcome recorded(const json_t *root) {
    const json_t *decision = json_object_get(root, "decision");
    const json_t *labels = json_object_get(root, "verdict");
    struct fo_str action = text_of(decision, "action");

    if (!labels)
        labels = json_object_get(root, "labels");
    return (struct outcome){
        .known = action.len > 0,
        .restart = fo_str_equal(action, fo_str_of("restart")),
        .delay_ms = json_integer_value(json_object_get(decision, "delay_ms")),
        .category = text_of(labels, "category"),
        .cause = text_of(labels, "cause"),
    };
}

static void print_decision(const struct outcome *outcome) {
    if (!outcome->known)
        (void)printf("not decided");
    else if (outcome->restart)
        (void)printf("restart after %lld ms", (long long)outcome->delay_ms);
    else
        (void)printf("give up");
}

static bool differ(const struct outcome *was, const struct outcome *is) {
    return (was->known &&
            (was->restart != is->restart || (was->restart && was->delay_ms != is->delay_ms))) ||
           !fo_str_equal(was->category, is->category) || !fo_str_equal(was->cause, is->cause);
}

static void compare(struct replay *replay, const struct fl_failure *failure,
                    const struct outcome *was, const struct outcome *is) {
    if (!differ(was, is))
        return;
    replay->different++;
    (void)printf("%llu %.*s %.*s: ", (unsigned long long)failure->id, (int)failure->job_name.len,
                 failure->job_name.ptr, (int)failure->task.len, failure->task.ptr);
    print_decision(was);
    (void)printf(" -> ");
    print_decision(is);
    if (!fo_str_equal(was->category, is->category) || !fo_str_equal(was->cause, is->cause))
        (void)printf(", %.*s/%.*s -> %.*s/%.*s", (int)was->category.len, was->category.ptr,
                     (int)was->cause.len, was->cause.ptr, (int)is->category.len, is->category.ptr,
                     (int)is->cause.len, is->cause.ptr);
    (void)putchar('\n');
}

static int replay_line(struct replay *replay, const char *line, size_t len) {
    struct fo_label labels[CATALOGUE_LABELS_MAX];
    struct ex_event *event = malloc(sizeof *event);
    int ret = event ? ex_event_decode((struct fo_str){line, len}, event) : -ENOMEM;

    if (ret == 0) {
        struct outcome was = recorded(event->root);
        const json_t *decision = json_object_get(event->root, "decision");
        bool non_recoverable =
            fo_str_equal(text_of(decision, "reason"), fo_str_of("non_recoverable"));
        if (event->kind == 0) {
            struct outcome is = decide_again(replay, &event->failure, non_recoverable, labels);
            replay->failures++;
            compare(replay, &event->failure, &was, &is);
        }
        ex_event_done(event);
    }
    free(event);
    return ret;
}

/* ---- the command ---- */

static int read_log(struct replay *replay, const char *path, struct fo_error *reterr) {
    FILE *in = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    uint64_t number = 0;

    if (!in) {
        (void)snprintf(reterr->text, sizeof reterr->text, "%.100s: %s", path,
                       strerrordesc_np(errno));
        return -errno;
    }
    while ((len = getline(&line, &size, in)) > 0) {
        number++;
        if (replay_line(replay, line, (size_t)len) == 0)
            continue;
        (void)fprintf(stderr, "failover_exporter: %s:%llu: no failure\n", path,
                      (unsigned long long)number);
        replay->bad++;
    }
    free(line);
    (void)fclose(in);
    return 0;
}

static int prepare(struct replay *replay, const char *config_file, const char **ret_file,
                   struct fo_error *reterr) {
    static const struct ex_job_origin origin = {.commands_optional = true};
    static const char any_job[] = "{\"name\":\"replay\",\"vertices\":[{\"id\":\"task\"}]}";

    *ret_file = config_file;
    int ret = ex_config_load(config_file, &replay->config, reterr);
    if (ret == 0)
        ret = ex_catalogue_load(replay->config, NULL, &replay->catalogue, reterr);
    if (ret == 0)
        ret = catalogue_scratch_new(replay->catalogue, &replay->scratch);
    *ret_file = NULL;
    if (ret == 0)
        ret = ex_job_parse(fo_str_of(any_job), &origin, replay->config, &replay->spec, reterr);
    if (ret == 0) {
        replay->jobs = calloc(JOBS_MAX, sizeof *replay->jobs);
        ret = replay->jobs ? 0 : -ENOMEM;
    }
    return ret;
}

static void finish(struct replay *replay) {
    for (size_t i = 0; i < replay->job_count; i++) {
        (void)fo_job_free(replay->jobs[i].core);
        free(replay->jobs[i].name);
    }
    free(replay->jobs);
    fo_actions_done(&replay->actions, NULL);
    (void)ex_job_spec_unref(replay->spec);
    (void)catalogue_scratch_free(replay->scratch);
    (void)catalogue_free(replay->catalogue);
    (void)ex_config_unref(replay->config);
}

int ex_cli_replay(int argc, char **argv) {
    const char *config_file = NULL;
    bool help = false;
    const struct ex_flag list[] = {
        {"config.file", EX_FLAG_TEXT, &config_file, "FILE", "Cluster configuration."},
        EX_FLAGS_HELP(&help),
    };
    const struct ex_cli_command command = {
        .usage = "replay [flags] FAILURES",
        .about = "Judges and decides failures, as export writes them, again under another "
                 "configuration, and prints what differs.",
        .flags = list,
        .flag_count = sizeof list / sizeof *list,
        .help = &help,
        .usage_error = EX_EXIT_FAILED,
    };
    struct replay replay = {.config = NULL};
    struct fo_error error = {.text = "out of memory"};
    const char *file = NULL;
    int status;
    int count = ex_cli_start(&command, argc, argv, &status);

    if (count < 0)
        return status;
    if (count != 1) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "replay takes one file of failures"});
        return EX_EXIT_FAILED;
    }
    int ret = prepare(&replay, config_file, &file, &error);
    if (ret == 0)
        ret = read_log(&replay, argv[1], &error);
    finish(&replay);
    if (ret < 0) {
        ex_cli_complain(file, &error);
        return EX_EXIT_FAILED;
    }
    (void)printf("%llu failures, %llu differ\n", (unsigned long long)replay.failures,
                 (unsigned long long)replay.different);
    return replay.bad == 0 ? EX_EXIT_OK : EX_EXIT_FAILED;
}
