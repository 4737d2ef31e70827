/* SPDX-License-Identifier: Apache-2.0 */
/* Where the vertices of a graph stand: layers by longest path, the order in them by barycentres, the
 * places by least squares. Pure: numbers in, numbers out. */

const sweeps = 8;
const settlings = 8;

/* The layer of each node: one behind its last producer; a source stands just before its first
 * consumer, not far away from it. */
function layersOf(count, edges) {
  const layer = new Array(count).fill(0);
  const degree = new Array(count).fill(0);
  const outputs = Array.from({ length: count }, () => []);
  for (const { from, to } of edges) {
    outputs[from].push(to);
    degree[to]++;
  }
  const sources = layer.map((_, node) => node).filter((node) => degree[node] === 0);
  const queue = [...sources];
  for (let at = 0; at < queue.length; at++) {
    for (const to of outputs[queue[at]]) {
      layer[to] = Math.max(layer[to], layer[queue[at]] + 1);
      if (--degree[to] === 0)
        queue.push(to);
    }
  }
  for (const node of sources) {
    if (outputs[node].length > 0)
      layer[node] = Math.min(...outputs[node].map((to) => layer[to])) - 1;
  }
  return layer;
}

/* Nodes in layers; an edge over several layers gets a bend in each that it passes. */
function build(count, edges) {
  const layer = layersOf(count, edges);
  const layers = [];
  const nodes = layer.map((number, index) => ({ index, layer: number, above: [], below: [] }));
  const add = (node) => (layers[node.layer] ??= []).push(node);
  nodes.forEach(add);
  const paths = edges.map(({ from, to }) => {
    const path = [nodes[from]];
    for (let number = layer[from] + 1; number < layer[to]; number++) {
      const bend = { index: -1, layer: number, above: [], below: [] };
      add(bend);
      path.push(bend);
    }
    path.push(nodes[to]);
    path.slice(1).forEach((node, at) => {
      node.above.push(path[at]);
      path[at].below.push(node);
    });
    return path;
  });
  return { nodes, layers, paths };
}

function number(layers) {
  for (const layer of layers)
    layer.forEach((node, order) => { node.order = order; });
}

const mean = (nodes, of, otherwise) => (
  nodes.length > 0 ? nodes.reduce((sum, node) => sum + of(node), 0) / nodes.length : otherwise);

function crossings(layers) {
  let count = 0;
  for (const layer of layers) {
    const ends = layer.flatMap((node) => node.below.map((below) => [node.order, below.order]));
    for (let i = 0; i < ends.length; i++) {
      for (let j = i + 1; j < ends.length; j++)
        count += (ends[i][0] - ends[j][0]) * (ends[i][1] - ends[j][1]) < 0;
    }
  }
  return count;
}

/* Sorted by where the neighbours stand, downwards and upwards in turn; the best order is kept. */
function order(layers, edgeCount) {
  number(layers);
  if (edgeCount > 2000)
    return; /* nobody would see the difference */
  let fewest = crossings(layers);
  let best = layers.map((layer) => [...layer]);
  for (let sweep = 0; sweep < sweeps && fewest > 0; sweep++) {
    const side = sweep % 2 === 0 ? 'above' : 'below';
    for (const layer of sweep % 2 === 0 ? layers : [...layers].reverse()) {
      for (const node of layer)
        node.wish = mean(node[side], (other) => other.order, node.order);
      layer.sort((a, b) => a.wish - b.wish);
      layer.forEach((node, at) => { node.order = at; });
    }
    const count = crossings(layers);
    if (count < fewest) {
      fewest = count;
      best = layers.map((layer) => [...layer]);
    }
  }
  best.forEach((layer, at) => { layers[at] = layer; });
  number(layers);
}

/* The places nearest to the wishes (least squares) that keep order and distance: neighbours that
 * would stand too close are pooled. */
function settle(layer, wishes, distance) {
  const offsets = [0];
  for (let i = 1; i < layer.length; i++)
    offsets[i] = offsets[i - 1] + distance(layer[i - 1], layer[i]);
  const pools = [];
  wishes.forEach((wish, i) => {
    let pool = { sum: wish - offsets[i], count: 1 };
    while (pools.length > 0 && pools.at(-1).sum / pools.at(-1).count > pool.sum / pool.count) {
      const before = pools.pop();
      pool = { sum: before.sum + pool.sum, count: before.count + pool.count };
    }
    pools.push(pool);
  });
  let at = 0;
  for (const { sum, count } of pools) {
    for (let end = at + count; at < end; at++)
      layer[at].place = sum / count + offsets[at];
  }
}

function place(layers, distance) {
  for (const layer of layers)
    settle(layer, layer.map(() => 0), distance);
  for (let round = 0; round < settlings; round++) {
    for (const layer of round % 2 === 0 ? layers : [...layers].reverse()) {
      settle(layer, layer.map((node) => (
        mean([...node.above, ...node.below], (other) => other.place, node.place))), distance);
    }
  }
}

/* Lays out `count` nodes and edges {from, to} between them. Returns {nodes: [{layer, place}], paths:
 * one list of {layer, place} per edge, layers: their number, extent: the last place}. Places count
 * from 0 in units of `distance(bend, bend)`: what must lie between the middles of two neighbours, of
 * which either may be a bend of an edge. */
export function layOut(count, edges, distance) {
  const { nodes, layers, paths } = build(count, edges);
  order(layers, edges.length);
  place(layers, (a, b) => distance(a.index < 0, b.index < 0));
  const all = layers.flat();
  const low = Math.min(...all.map((node) => node.place));
  for (const node of all)
    node.place -= low;
  return { nodes, paths, layers: layers.length, extent: Math.max(...all.map((node) => node.place)) };
}
