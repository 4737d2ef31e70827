/* SPDX-License-Identifier: Apache-2.0 */
/* Data as it changes: events say that something has happened, the REST API says how it stands now.
 * However many events come, one answer is asked for at a time, and not more often than bearable.
 * Without events (no stream to be had) it polls. A page that nobody sees asks for nothing. */

const shortestGapMs = 250;
const retryMs = 2000;
const streamRetryMs = 10000;
const kinds = ['failure', 'labelled', 'exhausted', 'recovered'];

/* A number that is not 200 is an error with what the server says. */
export async function ask(path) {
  const answer = await fetch(path, { headers: { Accept: 'application/json' }, cache: 'no-store' });
  const text = await answer.text();
  if (!answer.ok) {
    const error = new Error(reasonOf(text) ?? `${answer.status} ${answer.statusText}`);
    error.status = answer.status;
    throw error;
  }
  return JSON.parse(text);
}

function reasonOf(text) {
  try {
    return JSON.parse(text).errors.join('; ');
  } catch {
    return null;
  }
}

/* A view has: refresh(), which asks and shows, and returns the milliseconds until it wants to be
 * asked again; concerns(event), whether an event is about it; onEvent(event), optional. */
export class Live {
  constructor(onStatus) {
    this.onStatus = onStatus;
    this.view = null;
    this.timer = 0;
    this.running = false;
    this.again = false;
    this.finishedAt = -Infinity;
    this.stream = null;
    this.streamTimer = 0;
    document.addEventListener('visibilitychange', () => this.wake());
    window.addEventListener('online', () => this.poke());
  }

  show(view) {
    this.view = view;
    this.again = this.running;
    this.wake();
  }

  /* Something has changed. */
  poke() {
    if (this.running) {
      this.again = true;
      return;
    }
    this.schedule(Math.max(0, this.finishedAt + shortestGapMs - performance.now()));
  }

  wake() {
    if (document.hidden) {
      clearTimeout(this.timer);
      this.closeStream();
      return;
    }
    if (!this.stream)
      this.openStream();
    if (!this.running)
      this.schedule(0);
  }

  schedule(ms) {
    clearTimeout(this.timer);
    if (!document.hidden)
      this.timer = setTimeout(() => this.run(), ms);
  }

  async run() {
    const { view } = this;
    let wait = retryMs;

    this.running = true;
    this.again = false;
    try {
      wait = await view.refresh();
      this.tellStatus();
    } catch (error) {
      this.onStatus('offline', error.message);
    }
    this.running = false;
    this.finishedAt = performance.now();
    this.schedule(this.again ? (view === this.view ? shortestGapMs : 0) : wait);
  }

  tellStatus() {
    const streaming = this.stream?.readyState === EventSource.OPEN;
    this.onStatus(streaming ? 'live' : 'polling');
  }

  openStream() {
    clearTimeout(this.streamTimer);
    this.stream = new EventSource('events');
    this.stream.addEventListener('open', () => this.tellStatus());
    this.stream.addEventListener('error', () => this.onStreamError());
    for (const kind of kinds)
      this.stream.addEventListener(kind, (message) => this.onMessage(message));
    this.stream.addEventListener('reset', () => this.poke()); /* something was missed */
  }

  closeStream() {
    clearTimeout(this.streamTimer);
    this.stream?.close();
    this.stream = null;
  }

  onStreamError() {
    this.onStatus('polling');
    if (this.stream?.readyState !== EventSource.CLOSED)
      return; /* the browser tries again by itself */
    this.closeStream();
    this.streamTimer = setTimeout(() => {
      if (!document.hidden && !this.stream)
        this.openStream();
    }, streamRetryMs);
  }

  onMessage(message) {
    const event = JSON.parse(message.data);
    if (!this.view?.concerns(event))
      return;
    this.view.onEvent?.(event);
    this.poke();
  }
}

/* Every second: what counts down or up. Elements that have left the page are forgotten. */
const ticking = new Map();

function tick() {
  for (const [element, update] of ticking) {
    if (element.isConnected)
      update();
    else
      ticking.delete(element);
  }
}

export function everySecond(element, update) {
  ticking.set(element, update);
}

setInterval(() => {
  if (!document.hidden && ticking.size > 0)
    requestAnimationFrame(tick);
}, 1000);

/* The server's clock, which is the one that counts. */
let offsetMs = 0;
export const heardTime = (serverMs) => { offsetMs = serverMs - Date.now(); };
export const serverNow = () => Date.now() + offsetMs;
