/* SPDX-License-Identifier: Apache-2.0 */
/* One job: how it stands, its graph, its failures, what if. */
import { arrange, foreign, h, setAttribute, setShown, setText } from './dom.js';
import { ago, at, integer, plural, strategy, until } from './format.js';
import { drawnMax, Graph } from './graph.js';
import { legend } from './legend.js';
import { ask, everySecond, heardTime, serverNow } from './live.js';
import { BudgetBar, Chip, hasEnded, isRestless } from './states.js';
import { Timeline } from './timeline.js';
import { WhatIf } from './whatif.js';

const restlessMs = 1000;
const calmMs = 3000;
const endedMs = 10000;

function fact(label, ...content) {
  return h('div', { class: 'fact' }, h('dt', { text: label }), h('dd', null, ...content));
}

/* Numbers of a job in one row. */
class Facts {
  constructor() {
    this.budget = new BudgetBar();
    this.strategy = h('span', { class: 'small' });
    this.next = h('span', { class: 'big' });
    this.nextAt = h('span', { class: 'small' });
    this.failures = h('span', { class: 'big' });
    this.last = h('span', { class: 'small' });
    this.restarts = h('span', { class: 'big' });
    this.tasks = h('span', { class: 'big' });
    this.regions = h('span', { class: 'small' });
    this.left = h('span', { class: 'big' });
    this.limit = h('span', { class: 'small' });
    this.element = h('dl', { class: 'row' },
      fact('Restart budget', h('div', { class: 'beside' }, this.left, this.limit), this.budget.bar, this.strategy),
      fact('Next restart', this.next, this.nextAt),
      fact('Failures', this.failures, this.last),
      fact('Restarts', this.restarts),
      fact('Tasks running', this.tasks, this.regions));
    everySecond(this.next, () => this.tick());
  }

  update(job, graph) {
    const { tasks, budget } = job;
    const total = Object.values(tasks).reduce((sum, count) => sum + count, 0);
    this.job = job;
    setText(this.left, budget === null ? 'Unlimited' : budget.limit === 0 ? 'None' : integer.format(budget.remaining));
    setText(this.limit, budget?.limit > 0 ? `of ${integer.format(budget.limit)} left` : '');
    this.budget.update(budget);
    setText(this.strategy, strategy(graph.restart_strategy));
    setText(this.failures, integer.format(job.failures));
    setText(this.restarts, integer.format(job.restarts));
    setText(this.tasks, `${integer.format(tasks.RUNNING)} / ${integer.format(total)}`);
    setText(this.regions, `${plural(graph.regions, 'region')}, failover strategy ${graph.failover_strategy}`);
    this.tick();
  }

  tick() {
    if (!this.job)
      return; // a second has passed and nothing is known yet
    const { next_restart_ms: next, last_failure: last, state, paused } = this.job;
    setText(this.next, next === null ? '–' : until(next - serverNow()));
    setText(this.nextAt, next !== null ? (paused ? 'held: the job is paused' : '') : hasEnded(state) ? 'the job has ended' : 'none is waiting');
    setText(this.last, last ? `last ${ago(serverNow() - last.time_ms)}` : 'none yet');
  }
}

export class JobView {
  /* `task`: {vertex, subtask} to ask about, or null. */
  constructor(id, task, announce) {
    this.id = encodeURIComponent(id);
    this.announce = announce;
    this.title = id;
    this.wanted = task;
    this.makeHead();
    this.facts = new Facts();
    this.timeline = new Timeline((failure) => this.showRestart(failure, true));
    this.whatIf = new WhatIf(this.id, (vertex, subtask) => this.onChoose(vertex, subtask), (runs) => this.onPlan(runs));
    this.graph = new Graph((vertex, subtask) => this.onPick(vertex, subtask), () => this.onChoose(null));
    this.marked = h('p', { class: 'marked small' });
    this.graphPanel = h('section', { 'class': 'panel graph-panel', 'aria-labelledby': 'graph' },
      h('div', { class: 'side-head' }, h('h2', { id: 'graph', text: 'Graph' }), this.marked), this.graph.element, legend());
    this.content = h('div', { class: 'content' }, this.facts.element,
      h('div', { class: 'split' }, this.graphPanel, this.whatIf.element), this.timeline.element);
    this.element = h('div', { class: 'page' }, this.head, this.content);
    setShown(this.content, false);
  }

  makeHead() {
    this.name = h('bdi', { text: this.title });
    this.heading = h('h1', { tabindex: '-1' }, this.name);
    this.chip = new Chip();
    this.about = h('p', { class: 'small about' });
    this.trouble = h('p', { class: 'wrong', role: 'alert' });
    this.head = h('div', { class: 'headline' },
      h('p', { class: 'crumb' }, h('a', { href: '#/', text: 'Jobs' })), this.heading, this.chip.element, this.about, this.trouble);
  }

  /* Light has become dark, or the other way round. */
  recolour() {
    this.whatIf.grid.redraw();
  }

  concerns(event) {
    return !this.job || event.job_id === this.job.job_id;
  }

  onEvent(event) {
    const who = event.task || 'The job';
    if (event.kind === 'failure')
      this.announce(`${who} failed: ${event.message}`.slice(0, 200));
    else if (event.kind === 'exhausted')
      this.announce('The job gave up.');
    else if (event.kind === 'recovered')
      this.announce('The job has recovered.');
  }

  async refresh() {
    try {
      this.shape ??= await ask(`jobs/${this.id}/graph`);
      const job = await ask(`jobs/${this.id}/failover`);
      const failures = this.needsFailures(job) ? await ask(`jobs/${this.id}/failures`) : null;
      heardTime(job.now_ms);
      await new Promise((resolve) => { requestAnimationFrame(resolve); });
      this.show(job, failures);
    } catch (error) {
      if (error.status !== 404)
        throw error;
      setText(this.trouble, `${error.message}. A job that has ended is shown for a while only.`);
      return endedMs;
    }
    return hasEnded(this.job.state) ? endedMs : isRestless(this.job) ? restlessMs : calmMs;
  }

  /* The history changes with a failure, once more when its labels are final, and with a restart by hand. */
  needsFailures(job) {
    const last = job.last_failure;
    const key = `${job.failures} ${job.restarts} ${last?.labelled} ${last?.decision?.due_ms}`;
    const needed = this.failuresKey !== key || this.waitsForLabels;
    this.failuresKey = key;
    return needed;
  }

  show(job, failures) {
    if (!this.job)
      this.showFirst(job);
    this.job = job;
    setText(this.trouble, '');
    this.chip.update(job.state, job.paused);
    this.facts.update(job, this.shape);
    if (this.drawn)
      this.graph.update(job.vertices);
    this.whatIf.limit = job.budget?.limit;
    this.whatIf.update(job.vertices);
    this.whatIf.renew(`${job.state} ${job.failures} ${job.restarts} ${job.budget?.remaining}`);
    this.timeline.setJob(this.tasks, job.budget?.limit ?? null, this.shape.failover_strategy);
    if (failures) {
      this.waitsForLabels = failures.failures.some((failure) => !failure.labelled);
      this.timeline.update(failures, job.failures);
    }
    this.newest = job.last_failure;
    if (!this.shown && !this.whatIf.vertex)
      this.showRestart(this.newest, false);
    if (this.wanted)
      this.take(this.wanted);
  }

  showFirst(job) {
    this.title = job.job_name;
    document.title = `${job.job_name} – failover_exporter`;
    setText(this.name, job.job_name);
    this.tasks = this.shape.vertices.reduce((sum, vertex) => sum + vertex.parallelism, 0);
    arrange(this.about, [h('span', { text: `${job.engine} engine, started ${at(job.start_ms)}` }), h('code', { text: job.job_id })]);
    setShown(this.content, true);
    this.drawn = this.shape.vertices.length <= drawnMax;
    if (this.drawn)
      this.graph.setGraph(this.shape);
    else
      setText(this.graph.element, `${plural(this.shape.vertices.length, 'vertex', 'vertices')}: too many to draw. Name a task to ask what would restart.`);
    this.whatIf.setGraph(this.shape);
  }

  /* Marks what a failure restarted; `chosen`: the visitor asked for this one, so it stays. */
  showRestart(failure, chosen) {
    const runs = failure?.decision?.restart ?? null;
    this.shown = chosen ? failure : null;
    if (chosen) {
      this.whatIf.choose(null);
      this.graph.select(null);
      this.graphPanel.scrollIntoView({ block: 'nearest' });
    }
    this.mark(runs, 'restart');
    setText(this.marked, runs === null ? '' : `Marked: ${plural(failure.decision.restart_count, 'task')} restarted by the ${chosen ? '' : 'last '}failure of ${failure.task ?? 'the job'}`);
  }

  mark(runs, kind) {
    if (this.drawn)
      this.graph.mark(runs, kind);
  }

  onPick(vertex, subtask) {
    const kept = this.whatIf.vertex === vertex ? this.whatIf.subtask : 0;
    this.onChoose(vertex.id, subtask ?? kept);
  }

  /* Into the address, so that it can be sent to somebody; what follows is take(). */
  onChoose(vertex, subtask) {
    const job = `#/jobs/${this.id}`;
    history.replaceState(null, '', vertex === null ? job : `${job}/fail/${encodeURIComponent(`${vertex}[${subtask}]`)}`);
    this.take(vertex === null ? null : { vertex, subtask });
  }

  take(task) {
    this.wanted = null;
    const chosen = this.whatIf.choose(task?.vertex ?? null, task?.subtask);
    if (this.drawn)
      this.graph.select(chosen ? task.vertex : null);
    if (!chosen)
      this.showRestart(this.newest, false);
  }

  onPlan(runs) {
    if (runs === null)
      return;
    this.shown = null;
    this.mark(runs, 'what-if');
    setText(this.marked, runs.length > 0 ? `Marked: what would restart if ${this.whatIf.asked} failed` : '');
  }
}
