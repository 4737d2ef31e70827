/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of a vertex in at most so many bins, and bins as runs of one colour: the work for the
 * browser does not grow with the number of tasks. */
import { kinds, stateKind } from './states.js';

/* From runs of {count, ...} to one value per bin; where a bin holds several, `worse` chooses. */
function spread(runs, tasks, bins, valueOf, worse) {
  const values = new Array(bins).fill(undefined);
  let first = 0;
  for (const run of runs) {
    const value = valueOf(run);
    const last = Math.floor((first + run.count - 1) * bins / tasks);
    for (let bin = Math.floor(first * bins / tasks); bin <= last; bin++)
      values[bin] = values[bin] === undefined ? value : worse(values[bin], value);
    first += run.count;
  }
  return values;
}

const worseKind = (a, b) => (kinds.indexOf(a) < kinds.indexOf(b) ? a : b);

/* The worst state in each bin. */
export function stateBins(runs, tasks, bins) {
  return spread(runs, tasks, bins, (run) => stateKind(run.state), worseKind);
}

/* The region of the first task of each bin. */
export function regionBins(runs, tasks, bins) {
  return spread(runs, tasks, bins, (run) => run.region, (a) => a);
}

/* Whether a bin has a task of these runs of {first, count}. */
export function markBins(runs, tasks, bins) {
  const marks = new Array(bins).fill(false);
  for (const { first, count } of runs) {
    const last = Math.floor((first + count - 1) * bins / tasks);
    for (let bin = Math.floor(first * bins / tasks); bin <= last; bin++)
      marks[bin] = true;
  }
  return marks;
}

/* The value of one task, from runs; undefined without one. */
export function runOf(runs, task) {
  let first = 0;
  return runs?.find((run) => {
    first += run.count;
    return task < first;
  });
}

/* SVG paths of rectangles, by value: {value: "M..."}; equal neighbours become one when there are no
 * gaps between bins. */
export function binPaths(values, { x, y, width, height, gap }) {
  const step = width / values.length;
  const paths = new Map();
  const number = (value) => Number(value.toFixed(2));
  let first = 0;
  for (let at = 1; at <= values.length; at++) {
    if (at < values.length && gap === 0 && values[at] === values[first])
      continue;
    const left = number(x + first * step);
    const wide = number((at - first) * step - gap);
    const rectangle = `M${left} ${y}h${wide}v${height}h${-wide}z`;
    paths.set(values[first], (paths.get(values[first]) ?? '') + rectangle);
    first = at;
  }
  return paths;
}
