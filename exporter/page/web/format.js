/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, times and decisions in words. */

const space = '\u00a0'; /* a number and its unit stay together */
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export const integer = new Intl.NumberFormat('en');
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const stamp = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

export const plural = (count, one, many = `${one}s`) => `${integer.format(count)} ${count === 1 ? one : many}`;

export const at = (ms) => stamp.format(ms);

/* The time; with its day when that is not today. */
export function timeOfDay(ms) {
  return new Date(ms).toDateString() === new Date().toDateString() ? clock.format(ms) : stamp.format(ms);
}

/* The two largest units: "3 s", "250 ms", "2 min 5 s", "4 h", "3 d 2 h". */
export function duration(ms) {
  if (ms < second)
    return `${Math.max(0, Math.round(ms))}${space}ms`;
  if (ms < 10 * second && ms % second !== 0)
    return `${Number((ms / second).toFixed(1))}${space}s`;
  const units = [[day, 'd'], [hour, 'h'], [minute, 'min'], [second, 's']];
  const first = units.findIndex(([size]) => ms >= size);
  const [size, name] = units[first];
  const rest = units[first + 1];
  const text = `${Math.floor(ms / size)}${space}${name}`;
  const left = rest ? Math.floor(ms % size / rest[0]) : 0;
  return left > 0 ? `${text} ${left}${space}${rest[1]}` : text;
}

/* How long ago, in whole seconds so that it is calm. */
export function ago(ms) {
  return ms < second ? 'just now' : `${duration(Math.floor(ms / second) * second)} ago`;
}

export function until(ms) {
  return ms <= 0 ? 'now' : `in ${duration(Math.ceil(ms / second) * second)}`;
}

export function budget(left, limit) {
  return left === null ? 'unlimited' : `${integer.format(left)} of ${integer.format(limit)} left`;
}

const strategies = {
  'none': () => 'no restarts',
  'fixed-delay': (s) => `fixed delay: ${s.attempts === null ? 'any number of restarts' : `at most ${plural(s.attempts, 'restart')}`}, ${duration(s.delay_ms)} apart`,
  'failure-rate': (s) => `failure rate: at most ${plural(s.max_failures_per_interval, 'failure')} in ${duration(s.interval_ms)}, restart after ${duration(s.delay_ms)}`,
  'exponential-delay': (s) => `exponential delay: ${duration(s.initial_backoff_ms)} to ${duration(s.max_backoff_ms)}, ×${s.backoff_multiplier} each time`
    + (s.attempts_before_reset_backoff === null ? '' : `, at most ${plural(s.attempts_before_reset_backoff, 'restart')}`)
    + `, anew after ${duration(s.reset_backoff_threshold_ms)} without failure`,
};

export function strategy(settings) {
  return strategies[settings.type]?.(settings) ?? settings.type;
}

/* Runs of subtasks by vertex, as people write them: "map[3]", "map[0..9]". */
export function taskRuns(runs, most = 12) {
  const shown = runs.slice(0, most).map(({ vertex, first, count }) => (
    count === 1 ? `${vertex}[${first}]` : `${vertex}[${first}..${first + count - 1}]`));
  const rest = runs.length - shown.length;
  return shown.join(', ') + (rest > 0 ? ` and ${plural(rest, 'more range')}` : '');
}

/* "vertex[2]" as its two parts; the vertex may hold brackets itself. */
export function splitTask(name) {
  const bracket = name.lastIndexOf('[');
  return { vertex: name.slice(0, bracket), subtask: Number(name.slice(bracket + 1, -1)) };
}

/* Names of tasks, as the plan lists them, as runs. */
export function runsOf(names) {
  const runs = [];
  for (const name of names) {
    const { vertex, subtask } = splitTask(name);
    const last = runs.at(-1);
    if (last?.vertex === vertex && last.first + last.count === subtask)
      last.count++;
    else
      runs.push({ vertex, first: subtask, count: 1 });
  }
  return runs;
}
