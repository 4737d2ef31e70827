/* SPDX-License-Identifier: Apache-2.0 */
/* A vertex in the graph: its name, how many tasks stand how, and below one above the other, over the
 * same width from the first task to the last: regions, states, and what is marked. */
import { binPaths, markBins, regionBins, stateBins } from './bins.js';
import { setAttribute, setText, svg } from './dom.js';
import { integer } from './format.js';
import { countWords, kinds, stateKind } from './states.js';

export const box = { width: 176, height: 86 };

const inset = 12;
const inner = box.width - 2 * inset;
const fewBins = 38; /* so many tasks or fewer have a gap between them */
const manyBins = 76;
const colours = 16; /* of regions (job.css); with more of them, regions far apart share one */
const bands = { regions: { y: 53, height: 4 }, states: { y: 60, height: 10 }, marks: { y: 73, height: 4 } };

const pen = document.createElement('canvas').getContext('2d');

/* Cut so that it fits; by characters as people see them. */
function fit(text, width, font) {
  pen.font = font;
  if (pen.measureText(text).width <= width)
    return text;
  const letters = [...text];
  let low = 0;
  let high = Math.min(letters.length, 200);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (pen.measureText(`${letters.slice(0, middle).join('')}…`).width <= width)
      low = middle;
    else
      high = middle - 1;
  }
  return `${letters.slice(0, low).join('')}…`;
}

/* One path per value, made when it is first needed. */
class Band {
  constructor(name, { y, height }, gap) {
    this.element = svg('g', { class: name });
    this.form = { x: inset, y, width: inner, height, gap };
    this.paths = new Map();
  }

  draw(values, keyOf) {
    const drawn = new Map();
    for (const [value, path] of binPaths(values, this.form)) {
      const key = keyOf(value);
      if (key !== null)
        drawn.set(key, (drawn.get(key) ?? '') + path);
    }
    for (const key of drawn.keys()) {
      if (!this.paths.has(key)) {
        this.paths.set(key, svg('path', { 'data-key': key }));
        this.element.append(this.paths.get(key));
      }
    }
    for (const [key, path] of this.paths)
      setAttribute(path, 'd', drawn.get(key) ?? '');
  }
}

export class VertexBox {
  constructor(vertex, font) {
    this.vertex = vertex;
    const tasks = vertex.parallelism;
    this.bins = Math.min(tasks, manyBins);
    const gap = tasks <= fewBins ? Math.min(2, inner / tasks / 4) : 0;
    const count = `×${integer.format(tasks)}`;
    this.count = svg('text', { 'class': 'count', 'x': box.width - inset, 'y': 24, 'text-anchor': 'end' });
    setText(this.count, count);
    pen.font = font;
    this.name = svg('text', { class: 'vertex-name', x: inset, y: 24 });
    setText(this.name, fit(vertex.id, inner - pen.measureText(count).width - 10, font));
    this.words = svg('text', { class: 'words', x: inset + 13, y: 42 });
    this.dot = svg('circle', { class: 'dot', cx: inset + 4, cy: 38, r: 4 });
    this.regions = new Band('regions', bands.regions, gap);
    this.states = new Band('states', bands.states, gap);
    this.marks = new Band('marks', bands.marks, gap);
    this.element = svg('g', { 'class': 'vertex', 'role': 'button', 'tabindex': '-1', 'data-vertex': vertex.id },
      svg('rect', { class: 'card', width: box.width, height: box.height, rx: 8 }),
      this.name, this.count, this.dot, this.words,
      this.regions.element, this.states.element, this.marks.element);
    if (vertex.regions)
      this.regions.draw(regionBins(vertex.regions, tasks, this.bins), (region) => String(region % colours));
  }

  update(state) {
    const words = countWords(state.counts);
    const runs = state.tasks ?? Object.entries(state.counts)
      .sort(([a], [b]) => kinds.indexOf(stateKind(a)) - kinds.indexOf(stateKind(b)))
      .filter(([, count]) => count > 0).map(([name, count]) => ({ state: name, count }));
    setAttribute(this.dot, 'data-kind', stateKind(state.state));
    setText(this.words, fit(words, inner - 14, '12px sans-serif'));
    this.states.draw(stateBins(runs, this.vertex.parallelism, this.bins), (kind) => kind);
    this.spoken = words;
    this.describe();
  }

  /* Runs of {first, count} that are marked, and how; null = nothing is marked anywhere. */
  mark(runs, kind) {
    const marked = runs?.length > 0;
    this.marks.draw(markBins(runs ?? [], this.vertex.parallelism, this.bins), (value) => (value ? kind : null));
    setAttribute(this.element, 'data-mark', marked ? kind : null);
    setAttribute(this.element, 'data-dim', kind === 'what-if' && !marked);
    this.marked = marked ? runs.reduce((sum, run) => sum + run.count, 0) : 0;
    this.markKind = kind;
    this.describe();
  }

  describe() {
    const mark = this.marked ? `, ${this.marked} ${this.markKind === 'what-if' ? 'would restart' : 'restarted last'}` : '';
    setAttribute(this.element, 'aria-label',
      `${this.vertex.id}, parallelism ${this.vertex.parallelism}: ${this.spoken ?? ''}${mark}`);
  }

  /* The subtask under a point of the box: where the bands are, that under the pointer. */
  subtaskAt(x, y) {
    if (y < bands.regions.y - 4)
      return null;
    const part = Math.min(0.999999, Math.max(0, (x - inset) / inner));
    return Math.floor(part * this.vertex.parallelism);
  }
}
