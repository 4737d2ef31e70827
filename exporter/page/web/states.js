/* SPDX-License-Identifier: Apache-2.0 */
/* States of jobs and tasks: few kinds, each with a colour (colours.css: --state-KIND) and a word; and
 * the bars that show them and the budget. */
import { h, setAttribute, setShown, setText } from './dom.js';
import { budget, integer } from './format.js';

/* From what is worst to what is best: a bin of many tasks shows the worst of them. */
export const kinds = ['failed', 'stopping', 'starting', 'waiting', 'running', 'finished'];

const kindOf = {
  FAILED: 'failed', FAILING: 'failed',
  CANCELING: 'stopping', CANCELLING: 'stopping', CANCELED: 'stopping', SUSPENDED: 'stopping',
  SCHEDULED: 'starting', DEPLOYING: 'starting', INITIALIZING: 'starting', RECONCILING: 'starting',
  RESTARTING: 'starting',
  CREATED: 'waiting',
  RUNNING: 'running',
  FINISHED: 'finished',
};
const ended = new Set(['FAILED', 'CANCELED', 'FINISHED']);

export const stateKind = (state) => kindOf[state] ?? 'waiting';
export const stateWord = (state) => state.toLowerCase().replace('canceled', 'cancelled').replace('canceling', 'cancelling');
export const hasEnded = (state) => ended.has(state);

/* "2 running, 1 failed": what there is, the worst first. */
export function countWords(counts) {
  return Object.entries(counts).filter(([, count]) => count > 0)
    .sort(([a], [b]) => kinds.indexOf(stateKind(a)) - kinds.indexOf(stateKind(b)))
    .map(([state, count]) => `${integer.format(count)} ${stateWord(state)}`).join(', ');
}

/* Whether something is about to change by itself: worth a closer look. */
export function isRestless(job) {
  const { tasks } = job;
  return job.next_restart_ms !== null || (!hasEnded(job.state) && job.state !== 'RUNNING')
    || tasks.SCHEDULED + tasks.DEPLOYING + tasks.INITIALIZING + tasks.CANCELING > 0;
}

/* The state of a job as a word with a mark. */
export class Chip {
  constructor() {
    this.word = h('span');
    this.element = h('span', { class: 'chip' }, h('span', { class: 'mark', 'aria-hidden': 'true' }), this.word);
  }

  update(state, paused = false) {
    setAttribute(this.element, 'data-kind', stateKind(state));
    setText(this.word, stateWord(state) + (paused ? ', paused' : ''));
  }
}

/* Tasks by state, as a bar. */
export class TaskBar {
  constructor() {
    this.parts = new Map(kinds.map((kind) => [kind, h('span', { 'data-kind': kind })]));
    this.bar = h('span', { class: 'bar', 'aria-hidden': 'true' }, ...this.parts.values());
    this.words = h('span', { class: 'small' });
    this.element = h('div', { class: 'tasks' }, this.bar, this.words);
  }

  update(counts) {
    const sums = new Map(kinds.map((kind) => [kind, 0]));
    for (const [state, count] of Object.entries(counts))
      sums.set(stateKind(state), sums.get(stateKind(state)) + count);
    for (const [kind, part] of this.parts) {
      const grow = String(sums.get(kind));
      setShown(part, sums.get(kind) > 0);
      if (part.style.flexGrow !== grow)
        part.style.flexGrow = grow;
    }
    setText(this.words, countWords(counts));
  }
}

/* What is left of the budget; empty is the end. */
export class BudgetBar {
  constructor() {
    this.fill = h('span');
    this.bar = h('span', { 'class': 'meter', 'aria-hidden': 'true' }, this.fill);
    this.words = h('span', { class: 'small' });
    this.element = h('div', { class: 'budget' }, this.bar, this.words);
  }

  update(given) {
    const limited = given !== null && given.limit > 0;
    setShown(this.bar, limited);
    setText(this.words, given === null ? 'unlimited' : limited ? budget(given.remaining, given.limit) : 'no restarts');
    if (!limited)
      return;
    const part = given.remaining / given.limit;
    this.fill.style.width = `${100 * part}%`;
    setAttribute(this.bar, 'data-low', part < 0.25);
  }
}
