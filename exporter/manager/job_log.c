/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/job_log.h"

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/manager/job.h"

static const char *const messages[EX_JOB_LINE_COUNT] = {
    [EX_JOB_LINE_FAILED] = "Task failed; restarting.",
    [EX_JOB_LINE_SWITCHED] = "Job switched state.",
    [EX_JOB_LINE_RECOVERED] = "Job recovered.",
    [EX_JOB_LINE_REFUSED] = "An engine's report was refused.",
};

static void tell_held_back(const struct ex_job *job, enum ex_job_line line, uint64_t count) {
    if (count > 0)
        ex_log(EX_LOG_WARN, "Lines of a job were held back.", EX_TEXT("job_name", job->spec->name),
               EX_TEXT("line", messages[line]), EX_INT("count", (int64_t)count));
}

static bool may_write(struct ex_job *job, enum ex_job_line line, int64_t now_ms) {
    uint64_t held_back = 0;
    bool may = ex_log_ration_take(&job->log.rations[line], now_ms, &held_back);

    tell_held_back(job, line, held_back);
    return may;
}

void ex_job_log_decision(struct ex_job *job, const struct ex_failure *failure,
                         const struct fo_decision *decision, int64_t now_ms) {
    char task[FO_ID_MAX + 16];

    if (decision->restart && !may_write(job, EX_JOB_LINE_FAILED, now_ms))
        return;
    ex_log(
        EX_LOG_WARN, decision->restart ? messages[EX_JOB_LINE_FAILED] : "Task failed; giving up.",
        EX_TEXT("job_name", job->spec->name),
        EX_TEXT("task", ex_job_task_name(job, failure->task, task, sizeof task)),
        EX_INT("attempt", failure->attempt), EX_STR("cause", failure->evidence.message),
        EX_STR("category", ex_failure_label(failure, "category")),
        EX_INT("restarted_tasks", decision->restart_count), EX_INT("delay_ms", decision->delay_ms));
}

void ex_job_log_state(struct ex_job *job, enum fo_job_state from, enum fo_job_state to,
                      int64_t now_ms) {
    bool ended = fo_job_state_is_terminal(to) || to == FO_JOB_SUSPENDED;

    if (!ended && !may_write(job, EX_JOB_LINE_SWITCHED, now_ms))
        return;
    for (int line = 0; ended && line < EX_JOB_LINE_COUNT; line++)
        tell_held_back(job, (enum ex_job_line)line, ex_log_ration_end(&job->log.rations[line]));
    ex_log(EX_LOG_INFO, messages[EX_JOB_LINE_SWITCHED], EX_TEXT("job_name", job->spec->name),
           EX_TEXT("job_id", job->id), EX_TEXT("from", fo_job_state_name(from)),
           EX_TEXT("to", fo_job_state_name(to)));
}

void ex_job_log_recovered(struct ex_job *job, uint64_t incident, int64_t duration_ms,
                          int64_t now_ms) {
    if (may_write(job, EX_JOB_LINE_RECOVERED, now_ms))
        ex_log(EX_LOG_INFO, messages[EX_JOB_LINE_RECOVERED], EX_TEXT("job_name", job->spec->name),
               EX_INT("incident", (int64_t)incident), EX_INT("duration_ms", duration_ms));
}

void ex_job_log_refused(struct ex_job *job, uint32_t task, enum fo_task_state state, int error) {
    if (may_write(job, EX_JOB_LINE_REFUSED, ex_clock_ms()))
        ex_log(EX_LOG_ERROR, messages[EX_JOB_LINE_REFUSED], EX_TEXT("job_name", job->spec->name),
               EX_INT("task", task), EX_TEXT("state", fo_task_state_name(state)),
               EX_TEXT("error", uv_strerror(error)));
}
