/* SPDX-License-Identifier: Apache-2.0 */
/* plan JOB: what would restart, when, and when the job would give up. Nothing runs. */
#include "exporter/plan/plan.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/cli/cli.h"
#include "exporter/cli/flags.h"
#include "exporter/cli/remote.h"
#include "exporter/config/config.h"
#include "exporter/config/duration.h"
#include "exporter/config/task_name.h"
#include "exporter/daemon/job_load.h"
#include "exporter/engines/flink/ask.h"
#include "exporter/plan/forecast.h"
#include "exporter/plan/plan_json.h"

enum { TASK_NAME_BYTES = FO_ID_MAX + 16, REGIONS_SHOWN = 32, TASKS_SHOWN = 16, FORECAST_NONE = -1 };

struct options {
    const char *config_file;
    const char *flink; /* address of a JobManager; NULL = the job is a file */
    struct ex_flag_list fail;
    struct ex_flag_list finish;
    struct ex_flag_list partition_lost;
    struct ex_flag_list global;
    int64_t mtbf_ms; /* FORECAST_NONE = no forecast */
    int64_t span_ms;
    uint64_t seed;
    const char *running; /* a job of a daemon; NULL = a job file is asked */
    struct ex_remote_door door;
    bool json;
    bool help;
};

enum happening_kind { HAPPENS_FINISH, HAPPENS_LOSS, HAPPENS_FAILURE, HAPPENS_GLOBAL_FAILURE };

struct happening {
    enum happening_kind kind;
    uint32_t task;
    int64_t at_ms;
    size_t order; /* as given; breaks ties */
};

struct happenings {
    struct happening items[4 * EX_FLAG_LIST_MAX];
    size_t count;
};

/* ---- reading the flags ---- */

/* "TASK@TIME", "TASK", or for a global failure "TIME". */
static int read_happening(const struct fo_graph *graph, enum happening_kind kind, const char *text,
                          struct happening *ret_happening, struct fo_error *reterr) {
    const char *at = strrchr(text, '@');
    struct fo_str task = {text, at ? (size_t)(at - text) : strlen(text)};
    const char *time = at ? at + 1 : "0";
    int ret = 0;

    *ret_happening = (struct happening){.kind = kind, .task = FO_NO_TASK};
    if (kind == HAPPENS_GLOBAL_FAILURE)
        time = at ? at + 1 : text;
    else
        ret = ex_task_name_parse(graph, task, &ret_happening->task, reterr);
    if (ret == 0 && ex_duration_parse_ms(fo_str_of(time), &ret_happening->at_ms) < 0) {
        *reterr = (struct fo_error){.code = -EINVAL};
        (void)snprintf(reterr->text, sizeof reterr->text,
                       "\"%.80s\": \"%.40s\" is no time; write it as in %s", text, time,
                       kind == HAPPENS_GLOBAL_FAILURE ? "--global=30s" : "vertex[1]@30s");
        ret = -EINVAL;
    }
    return ret;
}

static int read_list(const struct fo_graph *graph, enum happening_kind kind,
                     const struct ex_flag_list *list, struct happenings *happenings,
                     struct fo_error *reterr) {
    for (size_t i = 0; i < list->count; i++) {
        struct happening *happening = &happenings->items[happenings->count];
        int ret = read_happening(graph, kind, list->items[i], happening, reterr);
        if (ret < 0)
            return ret;
        happening->order = happenings->count++;
    }
    return 0;
}

static int by_time(const void *a, const void *b) {
    const struct happening *x = a;
    const struct happening *y = b;

    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* In the order of time; at one instant what finishes and what is lost comes before what fails. */
static int read_happenings(const struct options *options, const struct fo_graph *graph,
                           struct happenings *happenings, struct fo_error *reterr) {
    int ret = read_list(graph, HAPPENS_FINISH, &options->finish, happenings, reterr);

    if (ret == 0)
        ret = read_list(graph, HAPPENS_LOSS, &options->partition_lost, happenings, reterr);
    if (ret == 0)
        ret = read_list(graph, HAPPENS_FAILURE, &options->fail, happenings, reterr);
    if (ret == 0)
        ret = read_list(graph, HAPPENS_GLOBAL_FAILURE, &options->global, happenings, reterr);
    if (ret == 0)
        qsort(happenings->items, happenings->count, sizeof *happenings->items, by_time);
    return ret;
}

/* ---- playing ---- */

static int happen(struct ex_plan *plan, const struct happening *happening) {
    switch (happening->kind) {
    case HAPPENS_FINISH:
        return ex_plan_finish(plan, happening->task, happening->at_ms);
    case HAPPENS_LOSS:
        return ex_plan_lose_partitions(plan, happening->task, happening->at_ms);
    case HAPPENS_FAILURE:
        return ex_plan_fail(plan, happening->task, happening->at_ms);
    case HAPPENS_GLOBAL_FAILURE:
        return ex_plan_fail_globally(plan, happening->at_ms);
    }
    return -EINVAL;
}

static const char *const happening_words[] = {
    [HAPPENS_FINISH] = "finish",
    [HAPPENS_LOSS] = "lose its partitions",
    [HAPPENS_FAILURE] = "fail",
    [HAPPENS_GLOBAL_FAILURE] = "fail as a whole",
};

static void note_impossible(const struct fo_graph *graph, const struct happening *happening) {
    char task[TASK_NAME_BYTES] = "the job";

    if (happening->task != FO_NO_TASK)
        (void)ex_task_name_print(graph, happening->task, task, sizeof task);
    (void)fprintf(stderr, "note: %s cannot %s at %lld ms: it does not run then\n", task,
                  happening_words[happening->kind], (long long)happening->at_ms);
}

static int play(struct ex_plan *plan, const struct happenings *happenings,
                const struct fo_graph *graph) {
    for (size_t i = 0; i < happenings->count; i++) {
        int ret = happen(plan, &happenings->items[i]);
        if (ret == -ESTALE)
            note_impossible(graph, &happenings->items[i]);
        else if (ret < 0)
            return ret;
    }
    return 0;
}

/* ---- as JSON ---- */

static int print_answer(const json_t *answer) {
    if (!answer || json_dumpf(answer, stdout, JSON_COMPACT) != 0)
        return -ENOMEM;
    (void)putchar('\n');
    return 0;
}

static int print_json(const struct ex_plan *plan, const struct fo_graph *graph) {
    json_t *decisions = json_array();
    int64_t gave_up_ms = ex_plan_sums(plan).gave_up_ms;

    for (uint32_t i = 0; i < ex_plan_decision_count(plan); i++) {
        struct ex_plan_decision decision = ex_plan_decision(plan, i);
        (void)json_array_append_new(decisions, ex_plan_decision_json(graph, &decision));
    }
    json_t *answer = json_pack("{s:o, s:o, s:o}", "regions", ex_plan_regions_json(graph),
                               "decisions", decisions, "gives_up_at_ms",
                               gave_up_ms == FO_NEVER ? json_null() : json_integer(gave_up_ms));
    int ret = print_answer(answer);
    json_decref(answer);
    return ret;
}

/* ---- as text ---- */

static void print_tasks(const struct fo_graph *graph, struct fo_task_list tasks) {
    char name[TASK_NAME_BYTES];

    for (uint32_t i = 0; i < tasks.count && i < TASKS_SHOWN; i++)
        (void)printf(" %s", ex_task_name_print(graph, tasks.tasks[i], name, sizeof name));
    if (tasks.count > TASKS_SHOWN)
        (void)printf(" and %u more", tasks.count - TASKS_SHOWN);
    (void)putchar('\n');
}

static void print_regions(const struct fo_graph *graph) {
    uint32_t count = fo_graph_region_count(graph);

    (void)printf("%u task%s in %u region%s\n", fo_graph_task_count(graph),
                 fo_graph_task_count(graph) == 1 ? "" : "s", count, count == 1 ? "" : "s");
    for (uint32_t i = 0; i < count && i < REGIONS_SHOWN; i++) {
        (void)printf("  region %u:", i);
        print_tasks(graph, fo_graph_region_tasks(graph, i));
    }
    if (count > REGIONS_SHOWN)
        (void)printf("  and %u more regions\n", count - REGIONS_SHOWN);
}

static void print_decision(const struct fo_graph *graph, const struct ex_plan_decision *decision) {
    char name[TASK_NAME_BYTES] = "the job as a whole";

    if (decision->failed != FO_NO_TASK)
        (void)ex_task_name_print(graph, decision->failed, name, sizeof name);
    (void)printf("at %lld ms %s fails: ", (long long)decision->at_ms, name);
    if (!decision->restart) {
        (void)puts("the job gives up");
        return;
    }
    (void)printf("%u restart after %lld ms", decision->task_count, (long long)decision->delay_ms);
    if (decision->budget_limited)
        (void)printf(", budget left %lld", (long long)decision->budget_left);
    (void)printf("\n   ");
    print_tasks(graph, (struct fo_task_list){decision->tasks, decision->task_count});
}

static void print_text(const struct ex_plan *plan, const struct fo_graph *graph) {
    print_regions(graph);
    for (uint32_t i = 0; i < ex_plan_decision_count(plan); i++) {
        struct ex_plan_decision decision = ex_plan_decision(plan, i);
        print_decision(graph, &decision);
    }
}

/* ---- the forecast ---- */

static const char *const failover_names[] = {
    [FO_FAILOVER_REGION] = "region",
    [FO_FAILOVER_FULL] = "full",
};

static json_t *forecast_json(const struct ex_forecast *forecast) {
    return json_pack("{s:i, s:f, s:f, s:f, s:f, s:f}", "runs", (int)forecast->runs, "failures",
                     forecast->failures, "restarts", forecast->restarts, "restarted_tasks",
                     forecast->restarted_tasks, "downtime_ms", forecast->downtime_ms,
                     "chance_to_give_up", forecast->gave_up);
}

static void print_forecast(const char *strategy, const struct ex_forecast *forecast, bool first) {
    if (first)
        (void)printf("%-8s %12s %12s %16s %14s %14s\n", "failover", "failures", "restarts",
                     "tasks restarted", "downtime (s)", "gives up");
    (void)printf("%-8s %12.1f %12.1f %16.1f %14.1f %12.1f %%\n", strategy, forecast->failures,
                 forecast->restarts, forecast->restarted_tasks, forecast->downtime_ms / 1000,
                 forecast->gave_up * 100);
}

static int run_forecasts(const struct options *options, const struct ex_job_spec *spec,
                         struct fo_error *reterr) {
    const struct ex_forecast_request request = {
        .mtbf_ms = options->mtbf_ms, .span_ms = options->span_ms, .seed = options->seed};
    json_t *answer = json_object();
    int ret = 0;

    for (int kind = FO_FAILOVER_REGION; kind <= FO_FAILOVER_FULL && ret == 0; kind++) {
        struct fo_job_config config = spec->decisions;
        struct ex_forecast forecast;
        config.failover_strategy = (enum fo_failover_kind)kind;
        ret = ex_forecast_run(&config, spec->graph, &request, &forecast, reterr);
        if (ret == 0 && options->json)
            (void)json_object_set_new(answer, failover_names[kind], forecast_json(&forecast));
        else if (ret == 0)
            print_forecast(failover_names[kind], &forecast, kind == FO_FAILOVER_REGION);
    }
    if (ret == 0 && options->json)
        ret = print_answer(answer);
    json_decref(answer);
    return ret;
}

/* ---- the command ---- */

static int run_plan(const struct options *options, const struct ex_job_spec *spec,
                    struct fo_error *reterr) {
    struct happenings happenings = {.count = 0};
    struct ex_plan *plan = NULL;

    int ret = read_happenings(options, spec->graph, &happenings, reterr);
    if (ret == 0)
        ret = ex_plan_new(&spec->decisions, spec->graph, options->seed, true, &plan, reterr);
    if (ret < 0)
        return ret;
    ret = play(plan, &happenings, spec->graph);
    if (ret == 0 && options->json)
        ret = print_json(plan, spec->graph);
    else if (ret == 0)
        print_text(plan, spec->graph);
    (void)ex_plan_free(plan);
    return ret;
}

/* How the configuration says that a JobManager is asked: the first engine of that kind. */
static int ask_flink(const struct options *options, const struct ex_config *config, const char *job,
                     struct ex_job_spec **ret_spec, struct fo_error *reterr) {
    struct ex_flink_settings *own = ex_flink_settings_default();
    const struct ex_flink_settings *settings = own;

    for (uint32_t i = config->engine_count; i > 0; i--) {
        if (config->engines[i - 1].flink)
            settings = config->engines[i - 1].flink;
    }
    int ret = settings ? ex_flink_ask(options->flink, job, settings, ret_spec, reterr) : -ENOMEM;
    (void)ex_flink_settings_free(own);
    return ret;
}

static int plan_job(const struct options *options, const char *path) {
    struct fo_error error = {.text = "out of memory"};
    struct ex_config *config = NULL;
    struct ex_job_spec *spec = NULL;
    const char *file = options->config_file;

    int ret = ex_config_load(options->config_file, &config, &error);
    if (ret == 0 && options->flink) {
        file = NULL;
        ret = ask_flink(options, config, path, &spec, &error);
    } else if (ret == 0) {
        file = path;
        ret = ex_job_load(path, config, &spec, &error);
    }
    if (ret == 0) {
        file = NULL;
        ret = options->mtbf_ms != FORECAST_NONE ? run_forecasts(options, spec, &error)
                                                : run_plan(options, spec, &error);
    }
    if (ret < 0)
        ex_cli_complain(file, &error);
    (void)ex_job_spec_unref(spec);
    (void)ex_config_unref(config);
    return ret < 0 ? EX_EXIT_USAGE : EX_EXIT_OK;
}

static bool says_what_happens(const struct options *options) {
    return options->fail.count + options->finish.count + options->partition_lost.count +
               options->global.count >
           0;
}

/* The daemon knows what the job has used up, and answers for this instant. */
static int plan_running(struct options *options, int count) {
    struct ex_client_request request = {.method = "GET"};
    struct ex_buffer path;

    if (count != 0 || options->fail.count != 1 || options->mtbf_ms != FORECAST_NONE) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "plan --running JOB takes one --fail TASK "
                                                         "and no job file"});
        return EX_EXIT_USAGE;
    }
    if (ex_remote_find_door(&options->door) < 0)
        return EX_EXIT_USAGE;
    ex_buffer_init(&path, EX_REMOTE_PATH_MAX_BYTES);
    ex_buffer_append_text(&path, "/jobs/");
    ex_client_escape(&path, options->running);
    ex_buffer_append_text(&path, "/plan?fail=");
    ex_client_escape(&path, options->fail.items[0]);
    request.path = ex_buffer_text(&path);
    int status = ex_remote_ask(&options->door, &request, options->json, ex_remote_show_plan);
    ex_buffer_done(&path);
    return status == EX_EXIT_OK ? EX_EXIT_OK : EX_EXIT_USAGE;
}

int ex_cli_plan(int argc, char **argv) {
    struct options options = {.mtbf_ms = FORECAST_NONE, .span_ms = 24LL * 3600 * 1000, .seed = 1};
    const struct ex_flag flags[] = {
        {"fail", EX_FLAG_LIST, &options.fail, "TASK[@TIME]", "The task fails at that time."},
        {"running", EX_FLAG_TEXT, &options.running, "JOB",
         "Asks a running daemon what --fail TASK would lead to now, instead of a job file."},
        {"finish", EX_FLAG_LIST, &options.finish, "TASK[@TIME]", "The task finishes."},
        {"partition-lost", EX_FLAG_LIST, &options.partition_lost, "TASK[@TIME]",
         "What the task has published is gone."},
        {"global", EX_FLAG_LIST, &options.global, "TIME", "The job fails as a whole."},
        {"mtbf", EX_FLAG_DURATION, &options.mtbf_ms, "TIME",
         "Forecast: mean time between two failures of one task."},
        {"for", EX_FLAG_DURATION, &options.span_ms, "TIME", "Forecast: how long (24 h)."},
        {"seed", EX_FLAG_COUNT, &options.seed, "N", "Of jitter and forecast (1)."},
        {"flink", EX_FLAG_TEXT, &options.flink, "URL",
         "JOB is a job, by name or id, of the Flink cluster of this JobManager."},
        {"config.file", EX_FLAG_TEXT, &options.config_file, "FILE", "Cluster configuration."},
        EX_REMOTE_FLAGS(&options.door),
        {"json", EX_FLAG_BOOL, &options.json, "", "Print JSON."},
        EX_FLAGS_HELP(&options.help),
    };
    const struct ex_cli_command command = {
        .usage = "plan [flags] JOB-FILE | plan [flags] --running JOB --fail TASK",
        .about = "Shows, without running anything, which tasks would restart, when, and when the "
                 "job would give up.",
        .flags = flags,
        .flag_count = sizeof flags / sizeof *flags,
        .help = &options.help,
        .usage_error = EX_EXIT_USAGE,
    };
    int status;
    int count = ex_cli_start(&command, argc, argv, &status);

    if (count < 0)
        return status;
    if (options.running)
        return plan_running(&options, count);
    if (count != 1) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "plan takes one job; see --help"});
        return EX_EXIT_USAGE;
    }
    if (options.mtbf_ms != FORECAST_NONE && says_what_happens(&options)) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "--mtbf is chance; --fail, --finish, "
                                                         "--partition-lost and --global are not"});
        return EX_EXIT_USAGE;
    }
    return plan_job(&options, argv[1]);
}
