#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the receiver of the compose stack and sends it good and bad requests.
test_receiver.py RECEIVER RUNBOOKS_DIR"""

import http.client
import json
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from harness import free_port  # noqa: E402

RECEIVER, RUNBOOKS = sys.argv[1:3]


class Receiver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.process = subprocess.Popen([sys.executable, "-B", RECEIVER, str(cls.port), RUNBOOKS],
                                       stdout=subprocess.PIPE, text=True)  # fmt: skip
        for _ in range(600):
            if cls.check() == 0:
                return
            time.sleep(0.1)
        raise RuntimeError("the receiver did not start")

    @classmethod
    def tearDownClass(cls):
        cls.process.kill()
        cls.process.wait()
        cls.process.stdout.close()

    @classmethod
    def check(cls):
        command = [sys.executable, "-B", RECEIVER, "--check", str(cls.port)]
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def test_prints_one_line_per_alert(self):
        alert = {"status": "firing", "labels": {"alertname": "FailoverJobGaveUp", "severity": "critical"},
                 "annotations": {"description": "Job a\nis \x1b[31mFAILED."}}  # fmt: skip
        status, _ = self.ask("POST", "/alerts", json.dumps({"alerts": [alert]}))
        self.assertEqual(status, 200)
        line = self.process.stdout.readline()
        self.assertEqual(line, "FIRING   critical FailoverJobGaveUp: Job a?is ?[31mFAILED.\n")

    def test_serves_runbooks_and_nothing_else(self):
        status, text = self.ask("GET", "/runbooks/FailoverJobGaveUp.md")
        self.assertEqual((status, text.splitlines()[0]), (200, "# FailoverJobGaveUp"))
        self.assertIn("/runbooks/README.md", self.ask("GET", "/")[1])
        for path in (
            "/runbooks/../README.md",
            "/runbooks/%2e%2e/README.md",
            "/etc/passwd",
            "/runbooks/",
        ):
            self.assertEqual(self.ask("GET", path)[0], 404, path)

    def test_refuses_what_is_no_alert(self):
        for body in ("", "{", "[]", "{}", '{"alerts": 1}', '{"alerts": [1]}'):
            self.assertEqual(self.ask("POST", "/alerts", body)[0], 400, body)
        self.assertEqual(self.ask("POST", "/other", "{}")[0], 404)
        self.assertEqual(
            self.ask("POST", "/alerts", headers={"Content-Length": "99999999"})[0], 413
        )
        self.assertEqual(self.ask("POST", "/alerts", headers={"Content-Length": "-1"})[0], 411)
        self.assertEqual(self.check(), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
