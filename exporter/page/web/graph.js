/* SPDX-License-Identifier: Apache-2.0 */
/* The graph of a job. Drawn once; afterwards only boxes change. From left to right where there is
 * room, from top to bottom on a narrow screen. */
import { h, setAttribute, svg } from './dom.js';
import { layOut } from './layout.js';
import { box, VertexBox } from './vertexbox.js';

export const drawnMax = 400; /* vertices */

const narrow = 640;
const margin = 14;
const across = { boxes: 22, bends: 12 }; /* between neighbours of a layer */
const along = { wide: 58, tall: 46 };    /* between layers */
const [smallest, largest] = [0.62, 1.2]; /* of its size; below that it scrolls */

const isBlocking = (edge) => !edge.exchange.startsWith('pipelined');

export class Graph {
  /* onPick(vertex, subtask or null): by click or Enter. onLeave(): by Escape. */
  constructor(onPick, onLeave) {
    this.onPick = onPick;
    this.onLeave = onLeave;
    this.canvas = svg('svg', { 'role': 'group', 'aria-label': 'Graph of the job. Arrow keys move between vertices, Enter asks what would restart.' });
    this.element = h('div', { class: 'graph' }, this.canvas);
    this.boxes = new Map();
    this.marked = [null, null];
    this.canvas.addEventListener('click', (event) => this.onClick(event));
    this.canvas.addEventListener('keydown', (event) => this.onKey(event));
    new ResizeObserver(() => requestAnimationFrame(() => this.onResize())).observe(this.element);
  }

  setGraph(graph) {
    const index = new Map(graph.vertices.map((vertex, at) => [vertex.id, at]));
    const { fontFamily } = getComputedStyle(document.body);
    this.graph = graph;
    this.edges = graph.edges.map((edge) => ({ ...edge, from: index.get(edge.from), to: index.get(edge.to) }));
    this.boxes = new Map(graph.vertices.map((vertex) => (
      [vertex.id, new VertexBox(vertex, `600 14px ${fontFamily}`)])));
    this.draw();
  }

  onResize() {
    if (this.graph && this.element.clientWidth > 0 && this.isTall() !== this.tall)
      this.draw();
    else
      this.scale();
  }

  isTall() {
    return this.element.clientWidth < narrow;
  }

  draw() {
    this.tall = this.isTall();
    const size = this.tall ? box.width : box.height;
    const places = layOut(this.boxes.size, this.edges, (aBends, bBends) => (
      (aBends ? 0 : size / 2) + (bBends ? 0 : size / 2) + (aBends || bBends ? across.bends : across.boxes)));
    const step = this.tall ? box.height + along.tall : box.width + along.wide;
    /* The middle of a node on both axes: [along the layers, across them]. */
    const middle = ({ layer, place }) => [layer * step, place];
    this.size = this.toPoint([(places.layers - 1) * step, places.extent])
      .map((value, axis) => value + 2 * margin + (axis === 0 ? box.width : box.height));
    const shapes = places.paths.map((path, at) => this.drawEdge(this.edges[at], path.map(middle)));
    [...this.boxes.values()].forEach(({ element }, at) => {
      const [x, y] = this.toPoint(middle(places.nodes[at]));
      setAttribute(element, 'transform', `translate(${x + margin} ${y + margin})`);
    });
    this.shapes = shapes;
    this.canvas.replaceChildren(...shapes.map((shape) => shape.element),
      ...[...this.boxes.values()].map(({ element }) => element));
    setAttribute(this.canvas, 'viewBox', `0 0 ${this.size[0]} ${this.size[1]}`);
    this.scale();
    this.mark(...this.marked);
    if (!this.canvas.querySelector('.vertex[tabindex="0"]'))
      this.first()?.setAttribute('tabindex', '0');
  }

  toPoint([alongAxis, acrossAxis]) {
    return this.tall ? [acrossAxis, alongAxis] : [alongAxis, acrossAxis];
  }

  scale() {
    if (!this.size)
      return;
    const part = Math.min(this.tall ? 1 : largest, Math.max(smallest, this.element.clientWidth / this.size[0]));
    setAttribute(this.canvas, 'width', Math.floor(this.size[0] * part));
    setAttribute(this.canvas, 'height', Math.floor(this.size[1] * part));
  }

  /* From the far side of the producer through the bends to the near side of the consumer. */
  drawEdge(edge, middles) {
    const length = this.tall ? box.height : box.width;
    const half = (this.tall ? box.width : box.height) / 2 + margin;
    const head = 7;
    const ends = [];
    middles.forEach(([begin, place], at) => {
      const where = begin + margin;
      if (at > 0)
        ends.push([at === middles.length - 1 ? where - head : where, place + half]);
      if (at < middles.length - 1)
        ends.push([where + length, place + half]);
    });
    let path = `M${this.toPoint(ends[0]).join(' ')}`;
    for (let at = 1; at < ends.length; at++) {
      const [from, to] = [ends[at - 1], ends[at]];
      const centre = (from[0] + to[0]) / 2;
      path += at % 2 === 0 ? `L${this.toPoint(to).join(' ')}`
        : `C${[[centre, from[1]], [centre, to[1]], to].map((point) => this.toPoint(point).join(' ')).join(' ')}`;
    }
    const tip = ends.at(-1);
    const arrow = [tip, [tip[0], tip[1] - 4], [tip[0] + head, tip[1]], [tip[0], tip[1] + 4]]
      .map((point) => this.toPoint(point).join(' ')).join('L');
    const { vertices } = this.graph;
    const words = `${vertices[edge.from].id} → ${vertices[edge.to].id}: ${edge.exchange}, ${edge.pattern.toLowerCase().replaceAll('_', '-')}`;
    const element = svg('g', { 'class': 'edge', 'data-blocking': isBlocking(edge) },
      svg('title', { text: words }),
      svg('path', { class: 'reach', d: path }),
      svg('path', { class: 'line', d: path }), svg('path', { class: 'head', d: `M${arrow}z` }));
    return { edge, element };
  }

  update(vertices) {
    for (const vertex of vertices)
      this.boxes.get(vertex.id)?.update(vertex);
  }

  /* Marks runs of {vertex, first, count}; null: nothing. */
  mark(runs, kind) {
    this.marked = [runs, kind];
    const byVertex = groupByVertex(runs ?? []);
    for (const [id, vertexBox] of this.boxes)
      vertexBox.mark(runs && (byVertex.get(id) ?? []), runs ? kind : null);
    const { vertices } = this.graph;
    for (const { edge, element } of this.shapes) {
      const inside = byVertex.has(vertices[edge.from].id) && byVertex.has(vertices[edge.to].id);
      setAttribute(element, 'data-mark', inside ? kind : null);
    }
  }

  select(id) {
    for (const [vertex, { element }] of this.boxes) {
      setAttribute(element, 'data-chosen', vertex === id);
      setAttribute(element, 'aria-pressed', vertex === id);
    }
  }

  first() {
    return this.boxes.values().next().value?.element;
  }

  boxOf(element) {
    const group = element.closest('.vertex');
    return group && this.boxes.get(group.dataset.vertex);
  }

  onClick(event) {
    const found = this.boxOf(event.target);
    if (!found)
      return;
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(found.element.getScreenCTM().inverse());
    this.focus(found.element);
    this.onPick(found.vertex, found.subtaskAt(point.x, point.y));
  }

  onKey(event) {
    const found = this.boxOf(event.target);
    const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === 'Escape')
      this.onLeave();
    else if (found && (event.key === 'Enter' || event.key === ' '))
      this.onPick(found.vertex, null);
    else if (found && event.key in directions)
      this.focus(this.neighbour(found.element, directions[event.key]));
    else if (found && event.key === 'Home')
      this.focus(this.first());
    else
      return;
    event.preventDefault();
  }

  /* The nearest box in a direction: what lies aside counts more than what lies ahead. */
  neighbour(element, [dx, dy]) {
    const centre = (other) => {
      const { e, f } = other.transform.baseVal.consolidate().matrix;
      return [e, f];
    };
    const [x, y] = centre(element);
    let best = element;
    let least = Infinity;
    for (const { element: other } of this.boxes.values()) {
      const [ox, oy] = centre(other);
      const ahead = (ox - x) * dx + (oy - y) * dy;
      const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
      if (ahead > 1 && ahead + 3 * aside < least) {
        least = ahead + 3 * aside;
        best = other;
      }
    }
    return best;
  }

  focus(element) {
    for (const { element: other } of this.boxes.values())
      setAttribute(other, 'tabindex', other === element ? '0' : '-1');
    element.focus();
  }
}

function groupByVertex(runs) {
  const groups = new Map();
  for (const run of runs)
    groups.set(run.vertex, [...(groups.get(run.vertex) ?? []), run]);
  return groups;
}
