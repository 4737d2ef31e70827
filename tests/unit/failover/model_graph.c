/* SPDX-License-Identifier: Apache-2.0 */
/* The model: who is connected with whom, and which tasks restart together. */
#include "tests/unit/failover/model_parts.h"

/* ---- the graph ---------------------------------------------------------------------------- */

static bool is_connected(const struct fo_edge_spec *edge, uint64_t s, uint64_t t, uint64_t p,
                         uint64_t c) {
    if (edge->pattern == FO_ALL_TO_ALL)
        return true;
    if (s >= t)
        return p >= c * s / t && p < (c + 1) * s / t;
    return c >= (p * t + s - 1) / s && c < ((p + 1) * t + s - 1) / s;
}

static bool must_be_pipelined(enum fo_exchange exchange) {
    return exchange == FO_PIPELINED || exchange == FO_PIPELINED_BOUNDED;
}

static void add_channels(struct mo_job *job, uint32_t edge, uint32_t first_from,
                         uint32_t first_to) {
    const struct fo_edge_spec *spec = &job->spec->edges[edge];
    uint32_t s = job->spec->vertices[spec->from].parallelism;
    uint32_t t = job->spec->vertices[spec->to].parallelism;

    for (uint32_t p = 0; p < s; p++) {
        for (uint32_t c = 0; c < t; c++) {
            if (is_connected(spec, s, t, p, c))
                job->channels[job->channel_count++] =
                    (struct mo_channel){first_from + p, first_to + c, edge, spec->exchange};
        }
    }
}

static void unite(struct mo_job *job, uint32_t a, uint32_t b) {
    uint32_t from = job->region[a] > job->region[b] ? job->region[a] : job->region[b];
    uint32_t to = job->region[a] > job->region[b] ? job->region[b] : job->region[a];

    for (uint32_t task = 0; task < job->task_count; task++) {
        if (job->region[task] == from)
            job->region[task] = to;
    }
}

/* Logical regions, the tasks of which are united where an all-to-all edge lies inside. */
static void unite_whole(struct mo_job *job) {
    uint32_t logical[MO_TASKS];
    uint32_t vertices = job->spec->vertex_count;

    for (uint32_t v = 0; v < vertices; v++)
        logical[v] = v;
    for (uint32_t round = 0; round < vertices; round++) {
        for (uint32_t e = 0; e < job->spec->edge_count; e++) {
            const struct fo_edge_spec *edge = &job->spec->edges[e];
            uint32_t low =
                logical[edge->from] < logical[edge->to] ? logical[edge->from] : logical[edge->to];
            if (must_be_pipelined(edge->exchange))
                logical[edge->from] = logical[edge->to] = low;
        }
    }
    for (uint32_t e = 0; e < job->spec->edge_count; e++) {
        const struct fo_edge_spec *edge = &job->spec->edges[e];
        if (edge->pattern != FO_ALL_TO_ALL || logical[edge->from] != logical[edge->to])
            continue;
        uint32_t first = MO_TASKS;
        for (uint32_t task = 0; task < job->task_count; task++) {
            if (logical[job->vertex_of[task]] != logical[edge->from])
                continue;
            first = first == MO_TASKS ? task : first;
            unite(job, first, task);
        }
    }
}

/* Unites regions that can reach each other. */
static void unite_circles(struct mo_job *job) {
    static bool reach[MO_TASKS][MO_TASKS];
    uint32_t n = job->task_count;

    memset(reach, 0, sizeof reach);
    for (uint32_t i = 0; i < job->channel_count; i++)
        reach[job->region[job->channels[i].producer]][job->region[job->channels[i].consumer]] =
            true;
    for (uint32_t k = 0; k < n; k++) {
        for (uint32_t a = 0; a < n; a++) {
            for (uint32_t b = 0; b < n; b++)
                reach[a][b] |= reach[a][k] && reach[k][b];
        }
    }
    for (uint32_t a = 0; a < n; a++) {
        for (uint32_t b = 0; b < n; b++) {
            if (reach[a][b] && reach[b][a])
                unite(job, a, b);
        }
    }
}

void mo_graph_build(struct mo_job *job) {
    uint32_t first[MO_TASKS] = {0};

    for (uint32_t v = 0; v < job->spec->vertex_count; v++) {
        first[v] = job->task_count;
        for (uint32_t i = 0; i < job->spec->vertices[v].parallelism; i++)
            job->vertex_of[job->task_count++] = v;
    }
    for (uint32_t e = 0; e < job->spec->edge_count; e++)
        add_channels(job, e, first[job->spec->edges[e].from], first[job->spec->edges[e].to]);
    for (uint32_t task = 0; task < job->task_count; task++)
        job->region[task] = task;
    unite_whole(job);
    for (uint32_t i = 0; i < job->channel_count; i++) {
        if (must_be_pipelined(job->channels[i].exchange))
            unite(job, job->channels[i].producer, job->channels[i].consumer);
    }
    unite_circles(job);
}

uint32_t mo_graph_result(const struct mo_job *job, uint32_t edge) {
    const struct fo_edge_spec *spec = &job->spec->edges[edge];

    for (uint32_t e = 0; e < edge && spec->result != 0; e++) {
        if (job->spec->edges[e].from == spec->from && job->spec->edges[e].result == spec->result)
            return e;
    }
    return edge;
}

/* ---- which tasks restart ------------------------------------------------------------------- */

static bool is_available(const struct mo_job *job, const struct mo_channel *channel,
                         struct fo_partition mark) {
    uint32_t result = mo_graph_result(job, channel->edge);

    if (mark.producer == channel->producer && mo_graph_result(job, mark.edge) == result)
        return false;
    if (job->lost[channel->producer][result])
        return false;
    return channel->exchange != FO_HYBRID_SELECTIVE && channel->exchange != FO_PIPELINED &&
           channel->exchange != FO_PIPELINED_BOUNDED;
}

void mo_graph_restarted(const struct mo_job *job, uint32_t failed, struct fo_partition mark,
                        bool *answer) {
    bool involved[MO_TASKS] = {false};
    bool grows = true;

    involved[job->region[failed]] = true;
    while (grows) {
        grows = false;
        for (uint32_t i = 0; i < job->channel_count; i++) {
            const struct mo_channel *channel = &job->channels[i];
            bool *producer = &involved[job->region[channel->producer]];
            bool *consumer = &involved[job->region[channel->consumer]];
            if (*consumer && !*producer && !is_available(job, channel, mark))
                grows = *producer = true;
            if (*producer && !*consumer)
                grows = *consumer = true;
        }
    }
    for (uint32_t task = 0; task < job->task_count; task++)
        answer[task] = involved[job->region[task]] && job->tasks[task].state != FO_TASK_CREATED;
}
