# SPDX-License-Identifier: Apache-2.0
"""What a JobManager answered, over time: recorded from a real one, told again by a server that can also
misbehave. A recording is a list of frames; each holds the answers that differ from the frame before."""
import http.server
import json
import re
import socketserver
import threading
import time
import urllib.error
import urllib.request

FRAMES_KEPT = 4   # lines of a stack trace that are kept of each link of the chain
PATHS = ("", "/config", "/exceptions?maxExceptions=100", "/checkpoints", "/metrics?get=numRestarts")


# ---- recording ----

def shorten_trace(text):
    """The head of a stack trace and every cause, each with a few frames."""
    kept, frames = [], 0
    for line in text.split("\n"):
        is_frame = line.startswith("\tat ") or line.startswith("\t... ")
        frames = frames + 1 if is_frame else 0
        if not is_frame or frames <= FRAMES_KEPT:
            kept.append(line)
    return "\n".join(kept)


def shorten(value, key=""):
    """Without what nobody reads: most frames, and figures of records and bytes."""
    if isinstance(value, dict):
        return {name: shorten(item, name) for name, item in value.items()
                if name not in ("metrics", "root-exception", "all-exceptions", "history", "summary", "jobvertex")}
    if isinstance(value, list):
        return [shorten(item, key) for item in value]
    if key in ("stacktrace", "exception", "failure_message") and isinstance(value, str):
        return shorten_trace(value)
    return value


class Recorder:
    """Asks all that the engine asks, twice a second, on a thread of its own."""

    def __init__(self, url, version):
        self.url, self.version = url, version
        self.frames, self.last = [], {}
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _ask(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=20) as answer:
                return [answer.status, shorten(json.load(answer))]
        except urllib.error.HTTPError as error:
            return [error.code, {"errors": ["recorded"]}]

    def _frame(self):
        answers = {"/overview": self._ask("/overview"), "/jobs/overview": self._ask("/jobs/overview")}
        for job in answers["/jobs/overview"][1].get("jobs", []):
            for path in PATHS:
                answers[f"/jobs/{job['jid']}{path}"] = self._ask(f"/jobs/{job['jid']}{path}")
        changed = {path: answer for path, answer in answers.items() if self._differs(path, answer)}
        if any(path == "/overview" or "exceptions" in path for path in changed):
            self.last.update(answers)
            self.frames.append(changed)

    def _differs(self, path, answer):
        def timeless(value):
            if isinstance(value, dict):
                return {key: timeless(item) for key, item in value.items() if key not in ("now", "duration")}
            return [timeless(item) for item in value] if isinstance(value, list) else value
        return timeless(self.last.get(path)) != timeless(answer)

    def _run(self):
        while not self.stopped.wait(0.5):
            try:
                self._frame()
            except (OSError, ValueError):
                pass

    def stop(self):
        self.stopped.set()
        self.thread.join()

    def save(self, path):
        time.sleep(12)  # numRestarts comes from a cache of ten seconds
        self.stop()
        self.last_frame()
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"version": "%s", "frames": [\n' % self.version)
            file.write(",\n".join(json.dumps(frame, separators=(",", ":")) for frame in self.frames))
            file.write("\n]}\n")

    def last_frame(self):
        self.last.pop("/overview", None)  # so that it counts as another one
        self._frame()


# ---- telling again ----

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Answers as recorded, up to a frame. `faults` maps a pattern of paths to what is done instead: a
    function of the request handler."""
    daemon_threads = True

    def __init__(self, path=None, answers=None, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        if tls:  # an ssl.SSLContext
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.frames = [answers or {}]
        if path:
            with open(path, encoding="utf-8") as file:
                self.frames = json.load(file)["frames"]
        self.answers = {}
        self.frame = -1
        self.faults = {}
        self.asked = []
        self.advance(0)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def advance(self, frame=None):
        """To this frame, or to the next; False at the end."""
        target = self.frame + 1 if frame is None else frame
        while self.frame < target and self.frame + 1 < len(self.frames):
            self.frame += 1
            self.answers.update(self.frames[self.frame])
        return self.frame + 1 < len(self.frames)

    def forget(self):
        """As a JobManager that has just begun."""
        self.answers = {}
        self.frame = -1
        self.advance(0)

    def close(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # the other side hung up: that is what some tests are about


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        for pattern, fault in self.server.faults.items():
            if re.search(pattern, self.path):
                fault(self)
                return
        status, answer = self.server.answers.get(self.path, (404, {"errors": ["not found"]}))
        self.answer(status, json.dumps(answer).encode())
