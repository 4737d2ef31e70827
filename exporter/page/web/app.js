/* SPDX-License-Identifier: Apache-2.0 */
/* The status page: which view is shown, and whether its data is live. All addresses are relative, so
 * that the page works below any prefix. */
import { setAttribute, setText } from './dom.js';
import { splitTask } from './format.js';
import { JobView } from './job.js';
import { JobsView } from './jobs.js';
import { Live } from './live.js';

const main = document.getElementById('main');
const status = document.getElementById('live');
const told = document.getElementById('told');
const words = {
  live: 'live',
  polling: 'polling',
  offline: 'no connection',
};

const live = new Live((state, detail) => {
  setAttribute(status, 'data-state', state);
  setAttribute(status, 'title', detail ?? '');
  setText(document.getElementById('live-text'), words[state]);
});

/* Read out to those who do not see it; the newest only. */
let announced = 0;
function announce(text) {
  clearTimeout(announced);
  announced = setTimeout(() => setText(told, text), 500);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/* "#/jobs/ID" and "#/jobs/ID/fail/TASK"; anything else is the list. */
function viewOf(hash) {
  const [, id, task] = hash.match(/^#\/jobs\/([^/]+)(?:\/fail\/(.+))?$/) ?? [];
  return id ? new JobView(decoded(id), task ? splitTask(decoded(task)) : null, announce) : new JobsView();
}

function route(focus) {
  if (location.hash === '#main')
    return;
  const view = viewOf(location.hash);
  document.title = view.title === 'Jobs' ? 'failover_exporter' : `${view.title} – failover_exporter`;
  main.replaceChildren(view.element);
  window.scrollTo(0, 0);
  if (focus)
    view.heading.focus();
  live.show(view);
}

/* The metrics may stand elsewhere than usual; the server says where. */
fetch('.', { method: 'HEAD' }).then((answer) => {
  const [, path] = answer.headers.get('Link')?.match(/^<([^>]*)>; rel="metrics"/) ?? [];
  if (path)
    setAttribute(document.getElementById('metrics'), 'href', path);
}, () => {});

const recolour = () => live.view?.recolour?.();
document.addEventListener('themechange', recolour);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener('hashchange', () => route(true));
route(false);
