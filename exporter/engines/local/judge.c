/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/local/judge.h"

bool ex_exchange_is_pipe(enum fo_exchange exchange) {
    return exchange == FO_PIPELINED || exchange == FO_PIPELINED_BOUNDED;
}

/* Asks `holds` of each pipelined producer (or consumer) of a task. */
struct neighbours {
    uint32_t count;
    bool all;
};

static struct neighbours ask(const struct fo_graph *graph, uint32_t task, bool producers,
                             bool (*holds)(const struct ex_ending *),
                             const struct ex_ending *endings) {
    uint32_t vertex = fo_graph_task_vertex(graph, task);
    struct fo_edge_list edges =
        producers ? fo_graph_inputs(graph, vertex) : fo_graph_outputs(graph, vertex);
    struct neighbours answer = {0, true};

    for (uint32_t i = 0; i < edges.count; i++) {
        if (!ex_exchange_is_pipe(fo_graph_edge(graph, edges.edges[i]).exchange))
            continue;
        struct fo_task_range range = producers ? fo_graph_producers(graph, edges.edges[i], task)
                                               : fo_graph_consumers(graph, edges.edges[i], task);
        answer.count += range.count;
        for (uint32_t j = 0; j < range.count && answer.all; j++)
            answer.all = holds(&endings[range.first + j]);
    }
    return answer;
}

static bool has_done_well(const struct ex_ending *ending) {
    return ending->done_well;
}

static bool has_finished(const struct ex_ending *ending) {
    return ending->finished;
}

/* One round over the region; true when something new came out. */
static bool done_well_spread(const struct fo_graph *graph, struct fo_task_list tasks,
                             struct ex_ending *endings) {
    bool news = false;

    for (uint32_t i = 0; i < tasks.count; i++) {
        struct ex_ending *ending = &endings[tasks.tasks[i]];
        if (ending->done_well || ending->end != EX_END_BROKEN)
            continue;
        struct neighbours consumers = ask(graph, tasks.tasks[i], false, has_done_well, endings);
        ending->done_well = consumers.count > 0 && consumers.all;
        news |= ending->done_well;
    }
    return news;
}

static bool finished_spread(const struct fo_graph *graph, struct fo_task_list tasks,
                            struct ex_ending *endings) {
    bool news = false;

    for (uint32_t i = 0; i < tasks.count; i++) {
        struct ex_ending *ending = &endings[tasks.tasks[i]];
        if (ending->finished || !ending->done_well)
            continue;
        ending->finished = ask(graph, tasks.tasks[i], true, has_finished, endings).all;
        news |= ending->finished;
    }
    return news;
}

static void spread(const struct fo_graph *graph, struct fo_task_list tasks,
                   struct ex_ending *endings) {
    for (uint32_t i = 0; i < tasks.count; i++) {
        struct ex_ending *ending = &endings[tasks.tasks[i]];
        ending->finished = ending->end == EX_END_FINISHED;
        ending->done_well = ending->finished || ending->end == EX_END_ZERO;
    }
    while (done_well_spread(graph, tasks, endings))
        continue;
    while (finished_spread(graph, tasks, endings))
        continue;
}

static uint32_t position_of(const struct fo_graph *graph, uint32_t task) {
    uint32_t vertex = fo_graph_task_vertex(graph, task);
    uint32_t position = 0;

    while (fo_graph_topological(graph, position) != vertex)
        position++;
    return position;
}

/* Of two ends of one kind, which explains the other: the earlier; in the same turn, for a failure
 * the one upstream (its consumers read a cut input), for a broken pipe the one downstream. */
static bool explains(const struct fo_graph *graph, const struct ex_ending *endings, uint32_t task,
                     uint32_t other) {
    if (endings[task].turn != endings[other].turn)
        return endings[task].turn < endings[other].turn;
    uint32_t position = position_of(graph, task);
    uint32_t other_position = position_of(graph, other);
    return endings[task].end == EX_END_FAILURE ? position < other_position
                                               : position > other_position;
}

/* The place of the end of `kind` that explains the others, tasks.count when there is none. */
static uint32_t first_of(const struct fo_graph *graph, struct fo_task_list tasks,
                         const struct ex_ending *endings, enum ex_end kind) {
    uint32_t first = tasks.count;

    for (uint32_t i = 0; i < tasks.count; i++) {
        const struct ex_ending *ending = &endings[tasks.tasks[i]];
        if (ending->end != kind || ending->finished || ending->done_well)
            continue;
        if (first == tasks.count || explains(graph, endings, tasks.tasks[i], tasks.tasks[first]))
            first = i;
    }
    return first;
}

static bool has_failed_before(struct fo_task_list tasks, const struct ex_ending *endings) {
    for (uint32_t i = 0; i < tasks.count; i++) {
        enum ex_end end = endings[tasks.tasks[i]].end;
        if (end == EX_END_FAILED || end == EX_END_CANCELLED)
            return true;
    }
    return false;
}

/* When the first of the broken pipes has waited long enough; FO_NEVER: there is none. */
static int64_t hold_ends(struct fo_task_list tasks, const struct ex_ending *endings) {
    int64_t ends_ms = FO_NEVER;

    for (uint32_t i = 0; i < tasks.count; i++) {
        const struct ex_ending *ending = &endings[tasks.tasks[i]];
        if (ending->end == EX_END_BROKEN && !ending->done_well &&
            ending->at_ms + EX_JUDGE_HOLD_MS < ends_ms)
            ends_ms = ending->at_ms + EX_JUDGE_HOLD_MS;
    }
    return ends_ms;
}

/* In a region that has failed. A broken pipe whose consumers did well is no failure there either,
 * but as little finished as they are. */
static enum ex_verdict verdict_in_failure(const struct ex_ending *ending) {
    if (ending->end == EX_END_FAILURE || (ending->end == EX_END_BROKEN && !ending->done_well))
        return EX_VERDICT_SECONDARY;
    return EX_VERDICT_WAIT;
}

int64_t ex_judge_region(const struct fo_graph *graph, uint32_t region, struct ex_ending *endings,
                        int64_t now_ms, enum ex_verdict *ret_verdicts) {
    struct fo_task_list tasks = fo_graph_region_tasks(graph, region);
    int64_t again_ms = FO_NEVER;

    spread(graph, tasks, endings);
    bool failed = has_failed_before(tasks, endings);
    uint32_t cause = failed ? tasks.count : first_of(graph, tasks, endings, EX_END_FAILURE);
    if (!failed && cause == tasks.count) {
        again_ms = hold_ends(tasks, endings);
        if (again_ms <= now_ms) {
            cause = first_of(graph, tasks, endings, EX_END_BROKEN);
            again_ms = FO_NEVER;
        }
    }
    failed |= cause < tasks.count;
    for (uint32_t i = 0; i < tasks.count; i++) {
        const struct ex_ending *ending = &endings[tasks.tasks[i]];
        if (i == cause)
            ret_verdicts[i] = EX_VERDICT_FAILED;
        else if (ending->finished && ending->end != EX_END_FINISHED)
            ret_verdicts[i] = EX_VERDICT_FINISHED;
        else
            ret_verdicts[i] = failed ? verdict_in_failure(ending) : EX_VERDICT_WAIT;
    }
    return again_ms;
}
