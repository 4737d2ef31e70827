/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a failure wherever it is shown: its labels, and what was decided. */
import { h } from './dom.js';
import { budget, duration, plural, until } from './format.js';
import { serverNow } from './live.js';

const first = ['type', 'category', 'cause'];
const hidden = new Set(['retry', 'secondary', 'wrapper']);

/* Whose fault it is comes first, and has a colour. */
export function labelChips(labels) {
  const keys = [...first.filter((key) => key in labels),
    ...Object.keys(labels).filter((key) => !first.includes(key) && !hidden.has(key)).sort()];
  return h('span', { class: 'labels' }, ...keys.filter((key) => labels[key] !== '').map((key) => h('bdi', {
    'class': 'label',
    'data-type': key === 'type' ? labels[key] : null,
    'title': `${key}: ${labels[key]}`,
    'text': first.includes(key) ? labels[key] : `${key}: ${labels[key]}`,
  })));
}

const reasons = {
  budget: 'the restart strategy allows no more restarts',
  non_recoverable: 'no restart can help against this failure',
  policy: 'a policy says so',
};

export const reasonWords = (reason) => reasons[reason] ?? reason;

/* "all 5 tasks", "2 of 5 tasks". */
export const share = (count, total) => (count === total ? `all ${plural(total, 'task')}` : `${count} of ${plural(total, 'task')}`);

/* One sentence: what was done about it. */
export function outcome(decision, taskCount) {
  if (!decision)
    return 'Nothing was decided: the job was already ending.';
  if (decision.action === 'fail')
    return `Gave up: ${reasonWords(decision.reason)}.`;
  const tasks = share(decision.restart_count, taskCount);
  const wait = decision.due_ms - serverNow();
  if (wait > 0)
    return `Restarts ${tasks} ${until(wait)}.`;
  return `Restarted ${tasks}${decision.delay_ms > 0 ? ` after ${duration(decision.delay_ms)}` : ' at once'}.`;
}

export function budgetAfter(decision, limit) {
  if (!decision || decision.action === 'fail' || decision.budget_left === null)
    return '';
  return limit === null ? `${decision.budget_left} left` : `Budget: ${budget(decision.budget_left, limit)}.`;
}
