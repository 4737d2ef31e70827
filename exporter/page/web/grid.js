/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of one vertex as cells on a canvas, however many they are: one is chosen, by pointer or
 * by arrow keys. To those who do not see it, it is a slider over the tasks. */
import { markBins, runOf, stateBins } from './bins.js';
import { h, setAttribute } from './dom.js';
import { kinds, stateWord } from './states.js';

const cellsMax = 4096;
const sizes = [[24, 26], [120, 18], [600, 12], [Infinity, 7]]; /* up to so many cells: pixels */

export class TaskGrid {
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.canvas = h('canvas', {
      'role': 'slider', 'tabindex': '0', 'aria-label': 'Task', 'aria-valuemin': '0',
      'onclick': (event) => this.onClick(event), 'onkeydown': (event) => this.onKey(event),
    });
    this.element = h('div', { class: 'grid' }, this.canvas);
    this.pen = this.canvas.getContext('2d');
    this.drawn = '';
    new ResizeObserver(() => this.redraw()).observe(this.element);
  }

  /* What was drawn looks different now: its colours or its size. */
  redraw() {
    this.drawn = '';
    this.draw();
  }

  show(vertex, state, subtask, marks) {
    Object.assign(this, { vertex, state, subtask, marks });
    setAttribute(this.canvas, 'aria-valuemax', vertex.parallelism - 1);
    setAttribute(this.canvas, 'aria-valuenow', subtask);
    setAttribute(this.canvas, 'aria-valuetext', this.describe(subtask));
    requestAnimationFrame(() => this.draw());
  }

  describe(subtask) {
    const run = runOf(this.state?.tasks, subtask);
    const region = runOf(this.vertex.regions, subtask);
    return `${this.vertex.id}[${subtask}]`
      + (run ? `, ${stateWord(run.state)}, attempt ${run.attempt}` : '')
      + (region ? `, region ${region.region}` : '');
  }

  /* Cells in rows as wide as there is room. */
  measure() {
    const tasks = this.vertex.parallelism;
    this.cells = Math.min(tasks, cellsMax);
    [, this.cell] = sizes.find(([most]) => this.cells <= most);
    this.columns = Math.max(1, Math.min(this.cells, Math.floor(this.element.clientWidth / this.cell)));
    this.rows = Math.ceil(this.cells / this.columns);
  }

  draw() {
    if (!this.vertex || this.element.clientWidth === 0)
      return;
    this.measure();
    const tasks = this.vertex.parallelism;
    const states = stateBins(this.state?.tasks ?? [], tasks, this.cells);
    const marks = markBins(this.marks, tasks, this.cells);
    const signature = JSON.stringify([this.columns, tasks, this.subtask, this.state?.tasks, this.marks]);
    if (signature === this.drawn)
      return;
    this.drawn = signature;
    this.prepare();
    const gap = this.cell > 10 ? 2 : 1;
    for (let index = 0; index < this.cells; index++) {
      this.pen.fillStyle = this.colours.get(states[index] ?? 'waiting');
      this.pen.fillRect(...this.corner(index), this.cell - gap, this.cell - gap);
      if (marks[index])
        this.outline(index, gap, this.markColour, this.cell > 10 ? 2 : 1);
    }
    this.outline(this.cellOf(this.subtask), gap, this.focusColour, this.cell > 10 ? 3 : 2);
  }

  /* Sharp on every screen, in the colours of the moment. */
  prepare() {
    const colour = (name) => {
      this.element.style.color = `var(${name})`; /* the browser resolves what the name stands for */
      return getComputedStyle(this.element).color;
    };
    const density = window.devicePixelRatio || 1;
    const [width, height] = [this.columns * this.cell, this.rows * this.cell];
    this.colours = new Map(kinds.map((kind) => (
      [kind, colour(`--state-${kind}`)])));
    this.markColour = colour('--mark');
    this.focusColour = colour('--text');
    this.canvas.width = Math.round(width * density);
    this.canvas.height = Math.round(height * density);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.pen.setTransform(density, 0, 0, density, 0, 0);
  }

  corner(index) {
    return [index % this.columns * this.cell, Math.floor(index / this.columns) * this.cell];
  }

  outline(index, gap, colour, width) {
    const [x, y] = this.corner(index);
    const size = this.cell - gap - width;
    this.pen.strokeStyle = colour;
    this.pen.lineWidth = width;
    this.pen.strokeRect(x + width / 2, y + width / 2, size, size);
  }

  cellOf(subtask) {
    return Math.floor(subtask * this.cells / this.vertex.parallelism);
  }

  /* The first task of a cell. */
  taskOf(index) {
    return Math.ceil(index * this.vertex.parallelism / this.cells);
  }

  choose(index) {
    const task = this.taskOf(Math.min(this.cells - 1, Math.max(0, index)));
    if (task !== this.subtask)
      this.onChoose(task);
  }

  onClick(event) {
    const column = Math.floor(event.offsetX / this.cell);
    const index = Math.floor(event.offsetY / this.cell) * this.columns + column;
    if (column < this.columns && index < this.cells)
      this.choose(index);
  }

  onKey(event) {
    const index = this.cellOf(this.subtask);
    const moves = {
      ArrowLeft: index - 1, ArrowRight: index + 1,
      ArrowUp: index - this.columns, ArrowDown: index + this.columns,
      PageUp: index - 10 * this.columns, PageDown: index + 10 * this.columns,
      Home: 0, End: this.cells - 1,
    };
    if (!(event.key in moves))
      return;
    event.preventDefault();
    this.choose(moves[event.key]);
  }
}

