/* SPDX-License-Identifier: Apache-2.0 */
/* Elements, made and changed. Text from outside only ever becomes text: nothing here reads HTML. */

const svgNamespace = 'http://www.w3.org/2000/svg';

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name === 'text')
      element.textContent = value;
    else if (name.startsWith('on'))
      element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/* h('p', {class: 'lead', text: name}), h('button', {onclick: f}, 'Go') */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(svgNamespace, tag), properties, children);
}

/* A name or message of somebody else's: its direction of writing stays inside it. */
export function foreign(text, name) {
  return h('bdi', { class: name, text });
}

/* What is the same is not written: a page that stands still costs nothing. */
export function setText(element, text) {
  const wanted = String(text);
  if (element.textContent !== wanted)
    element.textContent = wanted;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false)
    element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value))
    element.setAttribute(name, value);
}

export function setShown(element, shown) {
  if (element.hidden === shown)
    element.hidden = !shown;
}

/* Puts the children in this order, touching only those that stand elsewhere. */
export function arrange(parent, children) {
  children.forEach((child, index) => {
    if (parent.children[index] !== child)
      parent.insertBefore(child, parent.children[index] ?? null);
  });
  while (parent.children.length > children.length)
    parent.lastElementChild.remove();
}

/* Rows by key: `make(key)` returns {element, update(item)}. */
export class Keyed {
  constructor(parent, keyOf, make) {
    this.parent = parent;
    this.keyOf = keyOf;
    this.make = make;
    this.rows = new Map();
  }

  update(items) {
    const rows = new Map();
    for (const item of items) {
      const key = this.keyOf(item);
      const row = this.rows.get(key) ?? this.make(item);
      row.update(item);
      rows.set(key, row);
    }
    this.rows = rows;
    arrange(this.parent, [...rows.values()].map((row) => row.element));
  }
}
