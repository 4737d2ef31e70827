/* SPDX-License-Identifier: Apache-2.0 */
/* The failures of a job and the restarts by hand between them, newest first: what happened, whose
 * fault it was, what was done about it; and, unfolded, the evidence and the reasons. */
import { arrange, foreign, h, Keyed, setAttribute, setShown, setText } from './dom.js';
import { budgetAfter, labelChips, outcome, reasonWords, share } from './failure.js';
import { ago, at, duration, plural, strategy, taskRuns, timeOfDay } from './format.js';
import { everySecond, serverNow } from './live.js';

const proofs = {
  yes: 'yes, counted by the kernel',
  no: 'no, the kernel counted none',
  unsupported: 'cannot be told: no memory cgroup',
};

function facts(pairs) {
  return h('dl', { class: 'facts' }, ...pairs.filter(([, text]) => text).flatMap(([term, text]) => (
    [h('dt', { text: term }), h('dd', null, foreign(text))])));
}

function evidenceFacts(failure) {
  const { evidence } = failure;
  return facts([
    ['Attempt', String(failure.attempt)],
    ['Exit status', evidence.exit_code === undefined ? '' : String(evidence.exit_code)],
    ['Signal', evidence.signal ? `${evidence.signal}${evidence.core_dumped ? ', core dumped' : ''}` : ''],
    ['Memory kill', proofs[evidence.cgroup_oom_kill]],
    ['Deadline', evidence.deadline_exceeded ? 'its timeout ran out' : ''],
    ['Heartbeat', evidence.heartbeat_missed ? 'missed' : ''],
    ['Secondary', evidence.secondary ? 'a consequence of another task’s failure' : ''],
    ['Runtime', evidence.runtime],
    ['Platform says', evidence.platform_reason],
    ['Deciding line', evidence.matched],
  ]);
}

/* Which rule decided. */
function ruleWords({ policy, strategy: asked, action, reason }) {
  if (reason === 'non_recoverable')
    return `Not asked: ${reasonWords(reason)}`;
  if (!policy)
    return `The job’s restart strategy (${strategy(asked)}); no policy matched`;
  const match = Object.entries(policy.match).map(([key, values]) => `${key} = ${values.join(' or ')}`).join(' and ');
  const does = { 'fail': 'give up', 'restart': policy.charge ? 'restart' : 'restart without charging the budget', 'restart-strategy': 'ask a strategy of its own' }[policy.action];
  const wanted = asked ? ` (${strategy(asked)})` : '';
  return `Policy ${policy.number}, for ${match || 'every failure'}: ${does}${wanted}${action === 'fail' && policy.action !== 'fail' ? ', which allowed no restart' : ''}`;
}

function reasons(decision, failoverStrategy) {
  if (!decision)
    return facts([['Decision', 'none: the job was already ending']]);
  if (decision.action === 'fail')
    return facts([['Decision', `give up: ${reasonWords(decision.reason)}`], ['Decided by', ruleWords(decision)]]);
  return facts([
    ['Decided by', ruleWords(decision)],
    ['When', `${decision.delay_ms > 0 ? `after ${duration(decision.delay_ms)}` : 'at once'}, at ${timeOfDay(decision.due_ms)}${decision.new_attempt ? '' : ', together with the restart that was already waiting'}`],
    ['Which tasks', failoverStrategy === 'full' ? 'all, as the failover strategy “full” says'
      : 'the region of the failed task and all that must run again with it (failover strategy “region”)'],
    ['Restarted', decision.restart?.length > 0 ? taskRuns(decision.restart, 40) : plural(decision.restart_count, 'task')],
  ]);
}

function block(title, text) {
  return text ? [h('h4', { text: title }), h('pre', { tabindex: '0', dir: 'auto', text })] : [];
}

function exceptionText(exceptions) {
  return exceptions.map(({ class: name, message }, index) => (
    `${index > 0 ? 'Caused by: ' : ''}${name}${message ? `: ${message}` : ''}`)).join('\n');
}

class Entry {
  constructor(failure, timeline) {
    this.timeline = timeline;
    this.time = h('time');
    this.ago = h('span', { class: 'small' });
    this.labels = h('span');
    this.outcome = h('span', { class: 'outcome' });
    this.left = h('span', { class: 'small' });
    this.message = foreign(failure.message, 'message');
    this.show = h('button', { type: 'button', class: 'link', text: 'Show in the graph', onclick: () => timeline.onShow(this.failure) });
    this.more = h('details', { ontoggle: () => this.unfold() }, h('summary', { text: 'Why, and the evidence' }));
    this.element = h('li', { 'class': 'failure', 'data-failure': failure.failure_id },
      h('div', { class: 'when' }, this.time, this.ago),
      h('div', { class: 'what' },
        h('p', { class: 'line' }, foreign(failure.task ?? 'The whole job', 'task'), ' ', this.message),
        h('p', { class: 'line' }, this.labels),
        h('p', { class: 'line' }, this.outcome, ' ', this.left, ' ', this.show),
        this.more));
    everySecond(this.ago, () => this.tick());
  }

  update(failure) {
    const changed = !this.failure || this.failure.labelled !== failure.labelled
      || this.failure.concurrent_count !== failure.concurrent_count;
    this.failure = failure;
    if (changed) {
      setText(this.time, timeOfDay(failure.time_ms));
      setAttribute(this.time, 'datetime', new Date(failure.time_ms).toISOString());
      setAttribute(this.time, 'title', at(failure.time_ms));
      setAttribute(this.element, 'data-type', failure.labels.type);
      setAttribute(this.element, 'data-action', failure.decision?.action);
      arrange(this.labels, [labelChips(failure.labels)]);
      setShown(this.show, failure.decision?.restart?.length > 0);
      this.unfolded = false;
      this.unfold();
    }
    const others = failure.concurrent_count;
    setText(this.left, budgetAfter(failure.decision, this.timeline.limit)
      + (others > 0 ? ` ${plural(others, 'more failure')} before the restart.` : ''));
    this.tick();
  }

  tick() {
    setText(this.ago, ago(serverNow() - this.failure.time_ms));
    setText(this.outcome, outcome(this.failure.decision, this.timeline.tasks));
  }

  /* Made when it is first looked at. */
  unfold() {
    if (!this.more.open || this.unfolded)
      return;
    const { evidence, decision, concurrent, concurrent_count: count } = this.failure;
    this.unfolded = true;
    while (this.more.children.length > 1)
      this.more.lastElementChild.remove();
    this.more.append(
      h('div', { class: 'columns' },
        h('section', null, h('h4', { text: 'Why this was decided' }), reasons(decision, this.timeline.failoverStrategy)),
        h('section', null, h('h4', { text: 'Evidence' }), evidenceFacts(this.failure))),
      ...block('Message', this.failure.message.length > 160 ? this.failure.message : ''),
      ...block('Exceptions', exceptionText(evidence.exceptions)),
      ...block('End of its output', evidence.output),
      ...(count > 0 ? [h('h4', { text: `${plural(count, 'more failure')} before the restart` }),
        h('ul', { class: 'concurrent' }, ...concurrent.map((other) => h('li', null,
          foreign(other.task ?? 'The whole job', 'task'), ' ', foreign(other.message, 'message'), ' ', labelChips(other.labels))))] : []));
  }
}

/* A restart that a person asked for: no failure, but it explains what is seen. */
class ByHand {
  constructor(timeline) {
    this.timeline = timeline;
    this.time = h('time');
    this.ago = h('span', { class: 'small' });
    this.task = foreign('', 'task');
    this.outcome = h('span', { class: 'outcome' });
    this.element = h('li', { class: 'failure by-hand' },
      h('div', { class: 'when' }, this.time, this.ago),
      h('div', { class: 'what' }, h('p', { class: 'line' }, this.task, ' restarted by hand'), h('p', { class: 'line' }, this.outcome)));
    everySecond(this.ago, () => this.tick());
  }

  update(restart) {
    this.restart = restart;
    setText(this.time, timeOfDay(restart.time_ms));
    setAttribute(this.time, 'datetime', new Date(restart.time_ms).toISOString());
    setAttribute(this.time, 'title', at(restart.time_ms));
    setText(this.task, restart.task ?? 'The whole job');
    setText(this.outcome, `Restarted ${share(restart.restart_count, this.timeline.tasks)}; the budget was not charged.`);
    this.tick();
  }

  tick() {
    setText(this.ago, ago(serverNow() - this.restart.time_ms));
  }
}

const keyOf = (entry) => entry.failure_id ?? `by hand ${entry.time_ms}`;

export class Timeline {
  constructor(onShow) {
    this.onShow = onShow;
    this.list = h('ol', { class: 'timeline' });
    this.empty = h('p', { class: 'empty', text: 'No task has failed.' });
    this.note = h('p', { class: 'small' });
    this.element = h('section', { 'class': 'panel', 'aria-labelledby': 'failures' },
      h('h2', { id: 'failures', text: 'Failures' }), this.empty, this.list, this.note);
    this.entries = new Keyed(this.list, keyOf, (entry) => ('failure_id' in entry ? new Entry(entry, this) : new ByHand(this)));
  }

  /* What sentences are about. */
  setJob(tasks, limit, failoverStrategy) {
    Object.assign(this, { tasks, limit, failoverStrategy });
  }

  update({ failures, truncated, by_hand: byHand }, total) {
    this.entries.update([...failures, ...byHand].sort((a, b) => b.time_ms - a.time_ms));
    setShown(this.empty, failures.length === 0);
    setText(this.note, truncated || total > failures.length
      ? `${plural(total, 'failure')} in all; the history keeps the newest. All are counted in the metrics.` : '');
  }
}
