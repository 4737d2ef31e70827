/* SPDX-License-Identifier: Apache-2.0 */
/* What the colours and lines of the graph mean. */
import { h, svg } from './dom.js';

const swatch = (name, value, text) => h('li', null, h('span', { class: 'swatch', [name]: value, 'aria-hidden': 'true' }), text);

const line = (blocking, text) => h('li', null, svg('svg', { 'class': 'sample', 'width': 26, 'height': 8, 'aria-hidden': 'true' },
  svg('g', { 'class': 'edge', 'data-blocking': blocking }, svg('path', { class: 'line', d: 'M1 4h24' }))), text);

export function legend() {
  return h('ul', { 'class': 'legend', 'aria-label': 'Legend' },
    swatch('data-kind', 'running', 'running'), swatch('data-kind', 'starting', 'starting'),
    swatch('data-kind', 'waiting', 'waiting'), swatch('data-kind', 'finished', 'finished'),
    swatch('data-kind', 'failed', 'failed'), swatch('data-kind', 'stopping', 'cancelled'),
    swatch('data-key', 'restart', 'restarted last'), swatch('data-key', 'what-if', 'would restart'),
    h('li', null, h('span', { 'class': 'swatch regions', 'aria-hidden': 'true' }), 'regions'),
    line(false, 'pipelined'), line(true, 'blocking'));
}
