/* SPDX-License-Identifier: Apache-2.0 */
/* The side panel: a vertex and one of its tasks, and what would happen if that task failed now. */
import { runOf } from './bins.js';
import { arrange, foreign, h, setShown, setText } from './dom.js';
import { budget, duration, plural, runsOf, taskRuns } from './format.js';
import { TaskGrid } from './grid.js';
import { ask } from './live.js';
import { stateWord } from './states.js';

const settleMs = 120; /* between two keys, so that holding one down does not ask for each task */
const renewMs = 1000; /* in a storm of failures: the question costs the daemon a copy of the job */

export class WhatIf {
  /* onChoose(vertex id, subtask): the visitor chose a task. onPlan(runs or null): to be marked. */
  constructor(jobId, onChoose, onPlan) {
    this.jobId = jobId;
    this.onChoose = onChoose;
    this.onPlan = onPlan;
    this.grid = new TaskGrid((subtask) => this.onChoose(this.vertex.id, subtask));
    this.name = h('h2', { id: 'whatif-name' });
    this.about = h('dl', { class: 'facts small' });
    this.task = h('p', { class: 'task-line' });
    this.verdict = h('p', { class: 'verdict', role: 'status' });
    this.detail = h('div', { class: 'detail' });
    this.close = h('button', { type: 'button', class: 'quiet', text: 'Close', title: 'Escape', onclick: () => this.onChoose(null) });
    this.chosen = h('div', null, h('div', { class: 'side-head' }, this.name, this.close), this.about,
      this.grid.element, this.task, h('h3', { text: 'If it failed now' }), this.verdict, this.detail);
    this.input = h('input', { type: 'text', id: 'whatif-task', placeholder: 'vertex[0]', spellcheck: 'false', autocomplete: 'off' });
    this.input.addEventListener('keydown', (event) => event.key === 'Enter' && this.onInput());
    this.hint = h('div', { class: 'hint' }, h('h2', { text: 'What if?' }),
      h('p', { text: 'Choose a vertex or a task to see which tasks its failure would restart now, when, and whether the job would give up.' }),
      h('label', { for: 'whatif-task', text: 'Or name a task' }),
      h('div', { class: 'ask' }, this.input, h('button', { type: 'button', text: 'Ask', onclick: () => this.onInput() })),
      this.wrong = h('p', { class: 'wrong', role: 'alert' }));
    this.element = h('aside', { 'class': 'panel side', 'aria-label': 'What if' }, this.hint, this.chosen);
    setShown(this.chosen, false);
  }

  setGraph(graph) {
    this.graph = graph;
    this.vertices = new Map(graph.vertices.map((vertex) => [vertex.id, vertex]));
    this.tasks = graph.vertices.reduce((sum, vertex) => sum + vertex.parallelism, 0);
  }

  onInput() {
    const text = this.input.value.trim();
    const match = text.match(/^(.*)\[(\d+)\]$/s);
    const [id, subtask] = match ? [match[1], Number(match[2])] : [text, 0];
    const vertex = this.vertices?.get(id);
    const good = vertex && subtask < vertex.parallelism;
    setText(this.wrong, good || text === '' ? '' : `There is no task ${text}.`);
    if (good)
      this.onChoose(id, subtask);
  }

  /* Nothing chosen: null. */
  choose(id, subtask) {
    const vertex = this.vertices.get(id);
    const chosen = Boolean(vertex && subtask < vertex.parallelism);
    setShown(this.chosen, chosen);
    setShown(this.hint, !chosen);
    clearTimeout(this.timer);
    this.asked = null;
    if (!chosen) {
      this.vertex = null;
      this.onPlan(null);
      return false;
    }
    if (this.vertex !== vertex)
      this.showVertex(vertex);
    this.subtask = subtask;
    this.showTask();
    this.timer = setTimeout(() => this.askPlan(), settleMs);
    return true;
  }

  showVertex(vertex) {
    const facts = [];
    const edges = (own, other) => this.graph.edges.filter((edge) => edge[own] === vertex.id)
      .map((edge) => `${edge[other]} (${edge.exchange}, ${edge.pattern.toLowerCase().replaceAll('_', '-')})`).join(', ');
    const add = (term, text) => text && facts.push(h('dt', { text: term }), h('dd', null, foreign(text)));

    this.vertex = vertex;
    arrange(this.name, [foreign(vertex.id)]);
    add('Tasks', plural(vertex.parallelism, 'task'));
    add('Regions', vertex.regions ? this.regionWords(vertex.regions) : 'more than are listed');
    add('Reads', edges('to', 'from'));
    add('Feeds', edges('from', 'to'));
    this.about.replaceChildren(...facts);
  }

  regionWords(runs) {
    const regions = [...new Set(runs.map((run) => run.region))];
    if (regions.length === 1)
      return `all in region ${regions[0]}`;
    return regions.length > 8 ? plural(regions.length, 'region') : `regions ${regions.join(', ')}`;
  }

  /* How the tasks stand has changed. */
  update(vertices) {
    this.states = new Map(vertices.map((vertex) => [vertex.id, vertex]));
    if (this.vertex)
      this.showTask();
  }

  showTask() {
    const state = this.states?.get(this.vertex.id);
    const run = runOf(state?.tasks, this.subtask);
    const marks = (this.runs ?? []).filter((part) => part.vertex === this.vertex.id);
    this.grid.show(this.vertex, state, this.subtask, marks);
    arrange(this.task, [foreign(`${this.vertex.id}[${this.subtask}]`, 'task'),
      h('span', { class: 'small', text: run ? `${stateWord(run.state)}, attempt ${run.attempt}` : '' })]);
  }

  /* The answer changes with the budget: asked again whenever the job has failed or restarted. */
  renew(key) {
    if (this.renewed !== key && this.vertex && !this.renewing) {
      this.renewing = setTimeout(() => {
        this.renewing = 0;
        if (this.vertex && this.element.isConnected)
          this.askPlan();
      }, renewMs);
    }
    this.renewed = key;
  }

  async askPlan() {
    const name = `${this.vertex.id}[${this.subtask}]`;
    this.asked = name;
    let plan;
    try {
      plan = await ask(`jobs/${this.jobId}/plan?fail=${encodeURIComponent(name)}`);
    } catch (error) {
      if (this.asked === name)
        this.showRefusal(error.message);
      return;
    }
    if (this.asked === name)
      requestAnimationFrame(() => this.asked === name && this.showPlan(plan));
  }

  showRefusal(words) {
    setText(this.verdict, `No answer: ${words}.`);
    this.detail.replaceChildren();
    this.tell([]);
  }

  showPlan(plan) {
    const [decision] = plan.decisions;
    const runs = runsOf(decision.restart);
    const restarts = decision.action === 'restart';
    const count = decision.restart.length;
    const tasks = count === this.tasks ? `All ${plural(count, 'task')}` : `${count} of ${plural(this.tasks, 'task')}`;
    this.verdict.dataset.action = decision.action;
    setText(this.verdict, restarts
      ? `${tasks} would restart ${decision.delay_ms > 0 ? `after ${duration(decision.delay_ms)}` : 'at once'}.`
      : 'The job would give up: no restart is left.');
    this.detail.replaceChildren(...(restarts ? [
      h('p', { class: 'runs' }, foreign(taskRuns(runs))),
      h('p', { class: 'small', text: decision.budget_left === null ? 'The restart budget is unlimited.'
        : `Then ${this.limit ? budget(decision.budget_left, this.limit) : `${decision.budget_left} left`}.` })] : []),
    h('p', { class: 'small', text: 'By the job’s own restart strategy. A policy may decide otherwise once the failure has labels.' }));
    this.tell(runs);
  }

  tell(runs) {
    this.runs = runs;
    this.showTask();
    this.onPlan(runs);
  }
}
