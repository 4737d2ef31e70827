/* SPDX-License-Identifier: Apache-2.0 */
/* All jobs: what needs attention first. */
import { arrange, foreign, h, Keyed, setAttribute, setShown, setText } from './dom.js';
import { labelChips } from './failure.js';
import { ago, at, integer, plural, until } from './format.js';
import { ask, everySecond, heardTime, serverNow } from './live.js';
import { BudgetBar, Chip, hasEnded, isRestless, stateKind, TaskBar } from './states.js';

const restlessMs = 1000;
const calmMs = 3000;

/* The order does not change while a job restarts and runs again: rows do not jump. */
function rank(job) {
  if (stateKind(job.state) === 'failed')
    return 0;
  return hasEnded(job.state) ? 2 : 1;
}

const inOrder = (a, b) => rank(a) - rank(b) || a.job_name.localeCompare(b.job_name) || b.start_ms - a.start_ms;

class Row {
  constructor(job) {
    this.name = foreign(job.job_name, 'name');
    this.chip = new Chip();
    this.tasks = new TaskBar();
    this.budget = new BudgetBar();
    this.next = h('span', { class: 'number' });
    this.failures = h('span', { class: 'number' });
    this.last = h('div', { class: 'last' });
    const cell = (label, ...content) => h('td', { 'data-label': label }, ...content);
    this.element = h('tr', { 'data-job': job.job_id },
      h('th', { scope: 'row' }, h('a', { href: `#/jobs/${job.job_id}` }, this.name),
        h('span', { class: 'small', text: job.engine })),
      cell('State', this.chip.element), cell('Tasks', this.tasks.element),
      cell('Budget', this.budget.element), cell('Next restart', this.next),
      cell('Failures', this.failures), cell('Last failure', this.last));
    everySecond(this.next, () => this.tick());
  }

  update(job) {
    this.job = job;
    this.chip.update(job.state, job.paused);
    this.tasks.update(job.tasks);
    this.budget.update(job.budget);
    setText(this.failures, integer.format(job.failures));
    this.showLast(job.last_failure);
    this.tick();
  }

  showLast(failure) {
    const shown = failure ? `${failure.failure_id} ${failure.labelled}` : '';
    if (this.shown === shown)
      return;
    this.shown = shown;
    this.ago = h('span', { class: 'small' });
    arrange(this.last, failure ? [labelChips(failure.labels), h('span', { class: 'small' },
      foreign(failure.task ?? 'the whole job', 'task'), ' ', this.ago)] : []);
    if (failure)
      setAttribute(this.ago, 'title', at(failure.time_ms));
  }

  tick() {
    const { next_restart_ms: next, last_failure: failure } = this.job;
    setText(this.next, next === null ? '–' : until(next - serverNow()));
    setAttribute(this.next, 'data-due', next !== null);
    if (failure)
      setText(this.ago, ago(serverNow() - failure.time_ms));
  }
}

export class JobsView {
  constructor() {
    this.title = 'Jobs';
    this.heading = h('h1', { text: 'Jobs', tabindex: '-1' });
    this.summary = h('p', { class: 'summary' });
    this.filter = h('input', { type: 'search', placeholder: 'Filter by name or state', 'aria-label': 'Filter jobs by name or state', oninput: () => this.showRows() });
    this.body = h('tbody');
    this.empty = h('p', { class: 'empty' });
    this.rows = new Keyed(this.body, (job) => job.job_id, (job) => new Row(job));
    const columns = ['Job', 'State', 'Tasks', 'Restart budget', 'Next restart', 'Failures', 'Last failure'];
    this.table = h('table', { class: 'jobs' },
      h('thead', null, h('tr', null, ...columns.map((text) => h('th', { scope: 'col', text })))), this.body);
    this.element = h('div', { class: 'page' },
      h('div', { class: 'headline' }, this.heading, this.summary, this.filter), this.table, this.empty);
    this.jobs = [];
    this.heard = false;
  }

  concerns() {
    return true;
  }

  async refresh() {
    const { jobs } = await ask('failover');
    if (jobs.length > 0)
      heardTime(jobs[0].now_ms);
    this.jobs = jobs.sort(inOrder);
    this.heard = true;
    await new Promise((resolve) => { requestAnimationFrame(resolve); });
    this.showRows();
    return jobs.some(isRestless) ? restlessMs : calmMs;
  }

  showRows() {
    const word = this.filter.value.trim().toLowerCase();
    const shown = this.jobs.filter((job) => `${job.job_name} ${job.state} ${job.engine}`.toLowerCase().includes(word));
    this.rows.update(shown);
    setShown(this.table, shown.length > 0);
    setShown(this.filter, this.jobs.length > 1);
    setText(this.empty, this.jobs.length === 0 ? (this.heard ? 'No job yet. Start one with failover_exporter submit job.yaml.' : '')
      : shown.length === 0 ? 'No job fits the filter.' : '');
    setText(this.summary, this.summaryText());
  }

  summaryText() {
    const counts = { running: 0, restarting: 0, failed: 0, ended: 0 };
    for (const job of this.jobs) {
      if (job.state === 'RESTARTING')
        counts.restarting++;
      else if (stateKind(job.state) === 'failed')
        counts.failed++;
      else if (hasEnded(job.state))
        counts.ended++;
      else
        counts.running++;
    }
    return [[counts.failed, 'failed'], [counts.restarting, 'restarting'], [counts.running, 'running'], [counts.ended, 'ended']]
      .filter(([count]) => count > 0).map(([count, word]) => `${plural(count, 'job')} ${word}`).join(' · ');
  }
}
