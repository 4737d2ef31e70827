# SPDX-License-Identifier: Apache-2.0
"""The status page in a real browser: live, smooth, safe, and usable without a mouse.

Pictures of what was seen go to the folder that FAILOVER_PICTURES names.
"""
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from browser import Browser, missing  # noqa: E402
from harness import Case, main, wait_for  # noqa: E402

PICTURES = os.environ.get("FAILOVER_PICTURES")
EVIL = "<script>evil()<\\script>\"'&amp;\u202elive\u202c \u0639\u0631\u0628\u064a"
TASKS = 1000
BURST_SECONDS = 2

LIVE = """
name: live
configuration: {restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 8,
                restart-strategy.fixed-delay.delay: 100 ms}
vertices:
  - {id: read, parallelism: 2, command: [sh, -c, 'sleep 1000']}
  - {id: work, parallelism: 2, command: [sh, -c, 'while [ ! -e GATE.$FAILOVER_SUBTASK_INDEX ]; do sleep 0.1; done;
      rm GATE.$FAILOVER_SUBTASK_INDEX; echo "No space left on device" >&2; exit 5']}
  - {id: alone, command: [sh, -c, 'sleep 1000']}
edges: [{from: read, to: work, pattern: pointwise}, {from: work, to: alone, exchange: blocking}]
"""
HOSTILE = """
vertices: [{id: a, command: [sh, -c, 'printf "<img src=x onerror=evil()>"; head -c 10000 /dev/zero | tr "\\\\0" x;
  printf "\\\\342\\\\200\\\\256 <b>bold<\\\\57b> \\\\042quoted\\\\042\\\\n"; exit 3']}]
"""
# Every 25th task fails as long as the gate is open, each by itself.
THOUSAND = """
name: thousand
configuration: {restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.delay: 100 ms,
                restart-strategy.fixed-delay.attempts: 2000000}
vertices:
  - {id: many, parallelism: TASKS, command: [sh, -c, '[ $((FAILOVER_SUBTASK_INDEX % 25)) = 0 ] || exec sleep 1000;
      while [ ! -e GATE.burst ]; do sleep 0.3; done; exit 1']}
"""

# In the page: how long frames took and what blocked it.
MEASURE = """
window.measured = {frames: [], blocked: []};
new PerformanceObserver((list) => list.getEntries().forEach((entry) => measured.blocked.push(entry.duration)))
  .observe({entryTypes: ['longtask']});
let last = performance.now();
function frame(now) { measured.frames.push(now - last); last = now; requestAnimationFrame(frame); }
requestAnimationFrame(frame);
performance.clearResourceTimings();
"""
# A stream that cannot be had.
NO_STREAM = """
window.EventSource = class extends EventTarget {
  static CLOSED = 2;
  static OPEN = 1;
  constructor() { super(); this.readyState = 2; setTimeout(() => this.dispatchEvent(new Event('error')), 0); }
  close() {}
};
"""
# What was to happen in a second or later never does: no polling.
NO_POLLS = """
const later = window.setTimeout.bind(window);
window.setTimeout = (call, ms, ...rest) => ms >= 1000 ? 0 : later(call, ms, ...rest);
"""
# Contrast of what is written to what it is written on, as WCAG reckons it.
CONTRAST = """
const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
function light(colour) {
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function ground(element) {
  for (; element; element = element.parentElement) {
    const {backgroundColor} = getComputedStyle(element);
    if (!backgroundColor.startsWith('color(') && !/, 0\\)$|transparent/.test(backgroundColor))
      return backgroundColor;
  }
  return 'white';
}
return Object.fromEntries([...document.querySelectorAll(arguments[0])].map((element) => {
  const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
  return [element.className + ': ' + element.textContent.slice(0, 20), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
}));
"""


class Status(Case):
    """One daemon and one browser for all; tests open the page anew."""

    @classmethod
    def setUpClass(cls):
        owner = Case()
        owner.setUp()
        cls.addClassCleanup(owner.doCleanups)
        cls.gate = owner.path("gate")
        hostile = f"name: {json.dumps(EVIL)}\n" + HOSTILE
        jobs = {name: owner.write(f"{name}.yaml", text.replace("GATE", cls.gate).replace("TASKS", str(TASKS)))
                for name, text in (("live", LIVE), ("hostile", hostile), ("thousand", THOUSAND))}
        cls.thousand = jobs["thousand"]
        cls.server = owner.daemon(jobs["live"], jobs["hostile"])
        cls.base = cls.server.url.rsplit("/", 1)[0]
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.done)

    def setUp(self):
        self.began = time.monotonic()
        super().setUp()
        self.browser.prefer("light")
        self.browser.size(1200, 900)
        self.browser.open("about:blank")
        self.browser.errors()

    def tearDown(self):
        # Neither an error nor a violation of the policy, whatever was done.
        self.assertEqual(self.browser.errors(), [])
        self.assertFalse(self.browser.run("return 'evil' in window"))
        super().tearDown()
        print(f"{time.monotonic() - self.began:.1f} s", end=" ")

    # ---- what tests do ----

    def job(self, name):
        jobs = json.loads(self.server.get("/failover")[1])["jobs"]
        return next(job for job in jobs if job["job_name"] == name)

    def show(self, path="#/"):
        self.browser.open(f"{self.base}/{path}")

    def show_job(self, name, rest=""):
        self.show(f"#/jobs/{self.job(name)['job_id']}{rest}")
        self.await_text("h1", name)

    def await_text(self, selector, *parts, seconds=60):
        def has_all():
            text = (self.browser.text(selector) or "").replace("\xa0", " ")
            return text and all(part in text for part in parts) and text
        return wait_for(has_all, seconds, f"{selector} to say {parts}; it says {self.browser.text(selector)!r}")

    def open_gate(self, which):
        with open(f"{self.gate}.{which}", "w", encoding="ascii"):
            pass

    def picture(self, name):
        if PICTURES:
            self.browser.screenshot(os.path.join(PICTURES, f"{name}.png"))

    def await_running(self, name):
        wait_for(lambda: self.job(name)["state"] == "RUNNING" and self.job(name)["next_restart_ms"] is None,
                 what=f"{name} to run")

    def prepare(self, script):
        """Runs it in every page of this test before the page's own scripts."""
        added = self.browser.command("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.addCleanup(self.browser.command, "Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])

    # ---- the tests ----

    def test_a_failure_is_seen_live(self):
        self.prepare(NO_POLLS)
        self.await_running("live")
        before = self.job("live")["failures"]
        self.show()
        row = f"tr[data-job='{self.job('live')['job_id']}']"
        self.await_text(row, "running")
        self.await_text("#live-text", "live")
        self.browser.run("window.unchanged = document.querySelector(arguments[0])", row)
        self.open_gate("0")
        self.await_text(f"{row} [data-label='Failures']", str(before + 1))
        self.await_text(f"{row} [data-label='Last failure']", "SYSTEM", "disk_full", "work[0]")
        self.assertTrue(self.browser.run("return window.unchanged === document.querySelector(arguments[0])", row))
        self.picture("jobs")

    def test_a_failure_is_told_with_its_reasons(self):
        self.await_running("live")
        before = self.job("live")["failures"]
        self.show_job("live")
        self.open_gate("1")
        wait_for(lambda: self.job("live")["failures"] == before + 1, what="the failure")
        first = f".failure[data-failure='{self.job('live')['last_failure']['failure_id']}']"
        self.await_text(first, "work[1]", "exit status 5", "disk_full", "Restarted 2 of 5 tasks after 100 ms.")
        self.await_text(".marked", "2 tasks restarted by the last failure of work[1]")
        self.assertEqual(self.browser.run("return [...document.querySelectorAll('.vertex[data-mark=restart]')]"
                                          ".map((e) => e.dataset.vertex)"), ["read", "work"])
        self.assertEqual(self.browser.run("return [...document.querySelectorAll('.graph .edge')].map((e) => e.hasAttribute"
                                          "('data-blocking'))"), [False, True])
        self.browser.find(f"{first} summary").click()
        self.await_text(f"{first} details", "fixed delay: at most 8 restarts, 100 ms apart", "read[1], work[1]",
                        "No space left on device", "Exit status")
        self.picture("job")

    def test_a_restart_by_hand_is_told(self):
        self.await_running("live")
        self.show_job("live")
        self.await_text(".facts, .row", "Restart budget")
        connection = self.server.control()
        connection.request("POST", "/jobs/live/restart?task=work[0]")
        self.assertEqual(connection.getresponse().status, 202)
        connection.close()
        self.await_text(".by-hand", "work[0] restarted by hand", "Restarted 2 of 5 tasks")

    def test_what_if_by_click(self):
        self.show_job("live")
        self.await_text(".vertex[data-vertex=work]", "running")
        # The right half of the box is its second task.
        self.browser.run("""
            const state = document.querySelector('.vertex[data-vertex=work] .states').getBoundingClientRect();
            const at = {clientX: state.right - 8, clientY: state.top + state.height / 2, bubbles: true};
            document.elementFromPoint(at.clientX, at.clientY).dispatchEvent(new MouseEvent('click', at));""")
        self.await_text(".verdict", "2 of 5 tasks would restart after 100 ms.")
        self.assertEqual(self.browser.text(".runs"), "read[1], work[1]")
        self.assertIn("/fail/work%5B1%5D", self.browser.run("return location.hash"))
        self.assertEqual(self.browser.run("return [...document.querySelectorAll('.vertex[data-mark=what-if]')]"
                                          ".map((e) => e.dataset.vertex)"), ["read", "work"])
        self.picture("what-if")

    def test_what_if_by_keyboard(self):
        from selenium.webdriver import Keys  # pylint: disable=import-outside-toplevel
        self.show_job("live")
        self.await_text(".vertex[data-vertex=work]", "running")
        def focused():
            return self.browser.run("const e = document.activeElement; return e.dataset.vertex ?? e.id ?? e.tagName")
        for _ in range(20):
            self.browser.keys(Keys.TAB)
            if focused() == "read":
                break
        self.assertEqual(focused(), "read")
        self.browser.keys(Keys.ARROW_RIGHT)
        self.assertEqual(focused(), "work")
        self.assertNotEqual(self.browser.run("return getComputedStyle(document.querySelector("
                                             "'.vertex:focus-visible .card')).stroke"), "none")
        self.browser.keys(Keys.ENTER)
        self.await_text(".runs", "read[0], work[0]")
        self.browser.run("document.querySelector('.grid canvas').focus()")
        self.browser.keys(Keys.ARROW_RIGHT)
        self.await_text(".runs", "read[1], work[1]")
        self.assertEqual(self.browser.find(".grid canvas").get_attribute("aria-valuenow"), "1")
        self.browser.run("document.querySelector('.vertex[data-vertex=work]').focus()")
        self.browser.keys(Keys.ESCAPE)
        self.await_text(".hint h2", "What if?")
        self.assertIsNone(self.browser.run("return document.querySelector('.vertex[data-mark=what-if]')"))

    def test_the_skip_link_comes_first(self):
        from selenium.webdriver import Keys  # pylint: disable=import-outside-toplevel
        self.show()
        self.await_text("h1", "Jobs")
        self.browser.keys(Keys.TAB)
        self.assertEqual(self.browser.run("return document.activeElement.id"), "skip")
        self.browser.keys(Keys.ENTER)
        self.assertEqual(self.browser.run("return document.activeElement.id"), "main")

    def test_what_strangers_say_is_text(self):
        self.show()
        name = f"tr[data-job='{self.job(EVIL)['job_id']}'] .name"
        self.await_text(name, EVIL)
        self.show_job(EVIL)
        self.await_text(".failure", "Gave up")
        self.browser.find(".failure summary").click()
        said = self.await_text(".failure pre", "<b>bold</b> \"quoted\"")
        self.assertGreater(len(said), 4000)
        self.assertEqual(self.browser.run("return document.querySelectorAll('main img, main b, main script').length"), 0)
        self.assertEqual(self.browser.run("return document.title"), f"{EVIL} – failover_exporter")
        self.fits_the_window()
        self.picture("hostile")

    def test_hostile_records_are_text(self):
        """What no task of this engine can say, given to the page as if the server had said it."""
        self.show()
        self.await_text("h1", "Jobs")
        long = EVIL + "\u202e" + "y" * 10000
        failure = {"failure_id": 7, "time_ms": 0, "task": f"{EVIL}[0]", "attempt": 0, "message": long, "labelled": True,
                   "labels": {"type": EVIL, "category": long, EVIL: EVIL}, "concurrent": [], "concurrent_count": 0,
                   "decision": {"action": "restart", "reason": None, "delay_ms": 1, "due_ms": 1, "new_attempt": True,
                                "restart_count": 1, "budget_left": None, "strategy": {"type": EVIL}, "policy": {
                                    "number": 1, "match": {EVIL: [long]}, "action": "restart", "charge": False},
                                "restart": [{"vertex": EVIL, "first": 0, "count": 2}]},
                   "evidence": {"cgroup_oom_kill": "no", "exceptions": [{"class": EVIL, "message": long}],
                                "output": long, "matched": long, "runtime": EVIL, "platform_reason": EVIL}}
        graph = {"vertices": [{"id": EVIL, "parallelism": 2, "regions": [{"region": 0, "count": 2}]}], "edges": []}
        self.browser.driver.execute_async_script("""
            const [failure, graph, done] = arguments;
            const folder = document.querySelector('script[type=module]').src.replace(/[^/]*$/, '');
            Promise.all(['timeline.js', 'graph.js'].map((name) => import(folder + name))).then(([{Timeline}, {Graph}]) => {
              const timeline = new Timeline(() => {});
              const drawn = new Graph(() => {}, () => {});
              const panel = document.createElement('section');
              panel.className = 'panel';
              panel.append(timeline.element, drawn.element);
              document.querySelector('main').replaceChildren(panel);
              timeline.setJob(1, null, 'region');
              timeline.update({failures: [failure], truncated: false}, 1);
              drawn.setGraph(graph);
              document.querySelector('details').open = true;
              setTimeout(done, 100);
            });""", failure, graph)
        self.assertEqual(self.browser.text(".failure .message").count("y"), long.count("y"))
        self.assertIn(EVIL, self.browser.text(".failure .message"))
        self.assertEqual(self.browser.run("return document.querySelectorAll('main img, main script').length"), 0)
        self.fits_the_window()

    def fits_the_window(self):
        wide = self.browser.run("""
            return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
              .map((e) => `${e.tagName} ${e.className} ${e.getBoundingClientRect().right}`).slice(0, 8)""")
        self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"),
                             self.browser.run("return innerWidth"), wide)

    def command(self, *arguments):
        answer = self.run_program(*arguments, f"--storage.path={self.server.storage}")
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_a_thousand_tasks_stay_smooth(self):
        self.command("submit", self.thousand)
        self.addCleanup(self.command, "cancel", "thousand")
        wait_for(lambda: self.job("thousand")["tasks"]["RUNNING"] == TASKS, 240, "a thousand tasks to run")
        self.show_job("thousand", "/fail/many%5B500%5D")
        self.await_text(".verdict", "1 of 1,000 tasks would restart")
        before = self.job("thousand")["failures"]
        self.browser.run(MEASURE)
        self.open_gate("burst")
        began = time.monotonic()
        time.sleep(BURST_SECONDS)
        wait_for(lambda: self.job("thousand")["failures"] > before + 20, what="failures")
        asked = self.browser.run("return performance.getEntriesByType('resource').filter("
                                 "(entry) => entry.name.endsWith('/failover')).length")
        lasted = time.monotonic() - began
        measured = self.browser.run("return window.measured")
        os.unlink(f"{self.gate}.burst")
        failures = self.job("thousand")["failures"] - before
        elements = self.browser.run("return document.querySelectorAll('.graph *').length")
        worst = max(measured["blocked"], default=0)
        print(f"{failures} failures, {asked} requests, {len(measured['frames'])} frames, median "
              f"{statistics.median(measured['frames']):.0f} ms, longest task {worst:.0f} ms, {elements} elements")
        self.assertLess(asked, 5 * lasted)
        self.assertLess(elements, 100)
        self.assertLess(statistics.median(measured["frames"]), 1000)  # on a machine with much else to do
        self.await_text(".row", "1,000 regions")
        self.picture("thousand")

    def test_without_a_stream_it_polls(self):
        self.prepare(NO_STREAM)
        self.await_running("live")
        before = self.job("live")["failures"]
        self.show()
        self.await_text("#live-text", "polling")
        self.open_gate("0")
        self.await_text(f"tr[data-job='{self.job('live')['job_id']}'] [data-label='Failures']", str(before + 1))

    def test_layouts(self):
        """Random graphs: edges lead onwards, nothing overlaps, and what can be drawn without crossings is."""
        self.show()
        wrong = self.browser.driver.execute_async_script("""
            const [done] = arguments;
            const folder = document.querySelector('script[type=module]').src.replace(/[^/]*$/, '');
            import(folder + 'layout.js').then(({layOut}) => {
              const wrong = [];
              let seed = 1;
              const random = (below) => (seed = seed * 48271 % 2147483647) % below;
              for (let round = 0; round < 200; round++) {
                const count = 1 + random(30);
                const edges = Array.from({length: random(2 * count)}, () => [random(count), random(count)])
                  .filter(([a, b]) => a !== b).map(([a, b]) => ({from: Math.min(a, b), to: Math.max(a, b)}));
                const {nodes, layers, extent} = layOut(count, edges, (a, b) => a && b ? 10 : 100);
                for (const {from, to} of edges)
                  nodes[from].layer < nodes[to].layer || wrong.push('backwards');
                for (const a of nodes) {
                  a.layer < layers && a.place >= 0 && a.place <= extent || wrong.push('outside');
                  for (const b of nodes)
                    a === b || a.layer !== b.layer || Math.abs(a.place - b.place) > 99.9 || wrong.push('overlap');
                }
              }
              // Two chains whose ends are named in another order.
              const {nodes} = layOut(4, [{from: 0, to: 3}, {from: 1, to: 2}], () => 100);
              (nodes[0].place - nodes[1].place) * (nodes[3].place - nodes[2].place) > 0 || wrong.push('crossing');
              done(wrong);
            });""")
        self.assertEqual(wrong, [])

    def test_light_and_dark(self):
        grounds = set()
        for scheme in ("light", "dark"):
            self.browser.prefer(scheme, motion="reduce")
            self.show_job("live")
            self.await_text(".vertex[data-vertex=work]", "running")
            grounds.add(self.browser.run("return getComputedStyle(document.documentElement).backgroundColor"))
            contrast = self.browser.run(CONTRAST, ".small, .label, h1, h2, dt, dd, a, .live, .legend li")
            self.assertGreater(len(contrast), 20)
            self.assertEqual({what: ratio for what, ratio in contrast.items() if ratio < 4.5}, {})
            self.assertEqual(self.browser.run("return getComputedStyle(document.querySelector('.meter span'))"
                                              ".transitionDuration"), "0s")
            self.picture(f"job-{scheme}")
        self.assertEqual(len(grounds), 2)
        self.browser.prefer("light")
        self.browser.find("#theme").click()
        self.browser.find("#theme").click()
        self.assertEqual(self.browser.find("#theme").get_attribute("aria-label"), "Colours: dark")
        self.assertIn(self.browser.run("return getComputedStyle(document.documentElement).backgroundColor"), grounds)
        self.browser.run("localStorage.clear()")

    def test_a_narrow_screen(self):
        self.browser.size(400, 900)
        self.show()
        self.await_text("tbody", "live")
        self.fits_the_window()
        self.picture("jobs-narrow")
        self.show_job("live")
        self.await_text(".vertex[data-vertex=work]", "running")
        self.fits_the_window()
        self.picture("job-narrow")


if __name__ == "__main__":
    if missing():
        print(f"SKIP: {missing()}")
        sys.exit(77)
    main()
