# SPDX-License-Identifier: Apache-2.0
"""Every endpoint that docs/openapi.yaml names, asked with mutated trees and with bytes: whatever comes, the answer is no
5xx, an error is JSON, and the daemon is as well as before. ENDPOINTS_SEED and ENDPOINTS_SECONDS make it repeat and last."""
import copy
import http.client
import json
import os
import random
import time
import urllib.parse

import yaml

from harness import Case, main

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEED = int(os.environ.get("ENDPOINTS_SEED", random.SystemRandom().randrange(1 << 32)))
SECONDS = float(os.environ.get("ENDPOINTS_SECONDS", 3))
JOB = {"name": "fuzzed", "engine": "push", "checkpointing": False, "configuration": {"restart-strategy.type": "none"},
       "vertices": [{"id": "a", "parallelism": 2, "stop-timeout": "1 s"}, {"id": "b"}],
       "edges": [{"from": "a", "to": "b", "exchange": "blocking", "pattern": "pointwise"}]}
REPORT = {"task": "a[0]", "attempt": 0, "sequence": 1, "state": "FAILED",
          "failure": {"output": "x", "exit_code": 1, "signal": "KILL", "runtime": "python", "platform_reason": "Evicted",
                      "exception": ["a.B: c"], "evidence": ["cgroup_oom_kill"]}}
BODIES = {"/jobs": JOB, "/jobs/{job}/reports": REPORT}
WORDS = [None, True, False, 0, -1, 1, 2 ** 31, 2 ** 32, 2 ** 63, 2 ** 64, 1e308, 0.5, "", "a", "a[0]", "b[0]", "a[4294967296]", "\0",
         "\ud800", "\u202e", "../../etc/passwd", "%s%n", "x" * 5000, [], {}, [[]], {"": {}}, "RUNNING", "FINISHED", "CANCELED",
         "30s", "P1D", "none", "fixed-delay", "push", "local", "9" * 400]
ENDLESS = {"/events", "/jobs/{job}/decisions"}  # asked with a way to end only
READ_TO_ITS_END = 1 << 20  # a longer body is refused before its end, and who still writes may see no answer
SKIPPED = {"/-/quit", "/metrics", "/"}


class Endpoints(Case):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        with open(os.path.join(ROOT, "docs", "openapi.yaml"), encoding="utf-8") as file:
            paths = yaml.safe_load(file)["paths"]
        self.operations = [(method.upper(), path, [parameter for parameter in item[method].get("parameters", [])
                                                   if parameter.get("in") == "query"])
                           for path, item in paths.items() if path not in SKIPPED
                           for method in ("get", "post", "patch") if method in item]

    # ---- what is sent ----

    def places(self, tree):
        """Every container and key in it."""
        if isinstance(tree, dict):
            keys = list(tree)
        elif isinstance(tree, list):
            keys = list(range(len(tree)))
        else:
            return
        for key in keys:
            yield tree, key
            yield from self.places(tree[key])

    def mutate(self, tree):
        tree = copy.deepcopy(tree)
        for _ in range(self.random.randint(0, 3)):
            places = list(self.places(tree))
            if not places:
                break
            container, key = self.random.choice(places)
            kind = self.random.randrange(5)
            if kind == 0:
                container[key] = self.random.choice(WORDS)
            elif kind == 1:
                del container[key]
            elif kind == 2 and isinstance(container, list):
                container.extend([container[key]] * self.random.choice((1, 3, 200)))
            elif kind == 3:
                container[key] = [container[key]]
            elif isinstance(container, dict):
                container[str(self.random.choice(WORDS))[:100]] = self.random.choice(WORDS)
        return tree

    def text(self, tree):
        """JSON, at times with a key twice, or nested without end, or with bytes of chance."""
        text = json.dumps(self.mutate(tree)).encode()
        kind = self.random.randrange(12)
        if kind == 0:
            text = text.replace(b"{", b'{"task": "a[1]", "name": "twice", ', 1).replace(b"}", b', "name": 1}', 1)
        elif kind == 1:
            text = self.random.choice((b"[", b'{"a":', b"- ", b"{a: ", b"&a [*a,")) * self.random.choice((10, 100, 3000))
        elif kind == 2:
            return self.random.randbytes(self.random.choice((0, 1, 10, 1000)))
        elif kind < 6 and text:
            flipped = bytearray(text)
            for _ in range(self.random.randint(1, 8)):
                flipped[self.random.randrange(len(flipped))] = self.random.randrange(256)
            text = bytes(flipped)
        elif kind == 6:
            text = text[:self.random.randrange(len(text) + 1)]
        elif kind == 7:
            text = b"\n".join([text] * self.random.choice((2, 50)))
        return text[:READ_TO_ITS_END]

    def target(self, path, parameters):
        names = ["fuzzed", "nobody", "%00", "a/b", "..", "%2e%2e%2f", "x" * 200, "é", "%ff"]
        known = self.random.random() < 0.8
        for name in ("job", "vertex"):
            value = {"job": "fuzzed", "vertex": "a"}[name] if known else self.random.choice(names)
            path = path.replace("{" + name + "}", urllib.parse.quote(value, safe="%/."))
        query = []
        for parameter in parameters:
            if self.random.random() < 0.6:
                value = str(self.random.choice(WORDS + ["1", "0", "a[0]", "cancel"])).encode("utf-8", "surrogatepass")
                query.append(f"{parameter['name']}={urllib.parse.quote(value)}")
        return path + ("?" + "&".join(query) if query else "")

    # ---- asking ----

    def ask(self, method, target, body=None, content_type="application/json", timeout=120):
        connection = self.server.control()
        try:
            connection.request(method, target, body, {"Content-Type": content_type} if body is not None else {})
            connection.sock.settimeout(timeout)
            answer = connection.getresponse()
            if answer.headers.get("Content-Type") == "text/event-stream":
                return 200, b"", None
            return answer.status, answer.read(), answer.headers.get_content_type()
        finally:
            connection.close()

    def ask_one(self):
        method, path, parameters = self.random.choice(self.operations)
        target = self.target(path, parameters)
        if path in ENDLESS and "wait=" in target:
            target = target.split("?")[0] + "?wait=" + self.random.choice(("0", "10ms", "x", "-1", "1e9"))
        body = self.text(BODIES[path]) if path in BODIES and method == "POST" else None
        content_type = self.random.choice(("application/json", "application/x-ndjson", "application/yaml", "text/plain"))
        where = f"seed {SEED}: {method} {target} {content_type} {body!r:.300}"
        try:
            status, text, answered = self.ask(method, target, body, content_type)
        except (OSError, http.client.HTTPException) as error:
            self.fail(f"{where}: {error!r}")
        self.assertLess(status, 500, f"{where}: {text!r}")
        if status >= 400:
            self.assertEqual(answered, "application/json", where)
            self.assertTrue(json.loads(text)["errors"][0], where)

    def test_everything(self):
        self.server = self.daemon()
        body = json.dumps(JOB)
        deadline = time.monotonic() + SECONDS
        asked = 0
        while time.monotonic() < deadline or asked < 100:
            if asked % 50 == 0:  # whatever was done to it, it is there again
                self.assertIn(self.ask("POST", "/jobs", body)[0], (201, 409))
            self.ask_one()
            asked += 1
        self.assertEqual(self.server.get("/-/healthy")[0], 200)
        self.server.account()
        self.assertEqual(self.server.stop(60), 0)  # with a sanitizer: nothing has leaked
        print(f"seed {SEED}: {asked} requests")


if __name__ == "__main__":
    main()
