# SPDX-License-Identifier: Apache-2.0
"""Requests that no honest client sends, at both doors: other sites' names, requests within requests, paths and
names that try to be something else, tokens where they do not belong."""
import glob
import json
import os
import shutil
import socket

from harness import PATIENCE, Case, main, own_address, wait_for

JOB = """
name: demo
vertices:
  - {id: a, command: [sh, -c, 'echo started >&2; sleep 1000']}
"""
HOST = b"Host: localhost\r\n"
LAST = b"Connection: close\r\n"
JSON = b"Content-Type: application/json\r\n"
SMUGGLED = b"POST /jobs/demo/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TOKEN = "a-token-that-nobody-guesses"


class Hostile(Case):
    @classmethod
    def setUpClass(cls):
        owner = cls()
        owner.setUp()
        cls.addClassCleanup(owner.doCleanups)
        cls.server = owner.daemon("--web.external-url=https://Proxy.Example.org:8443/", "--web.route-prefix=/",
                                  "--web.allowed-hosts=status.example.com, b.test:1",
                                  "--control.listen-address=127.0.0.1:0",
                                  f"--control.token-file={owner.secret('token', TOKEN)}", owner.write("job.yaml", JOB))
        cls.server.wait_state("demo", "RUNNING")

    def secret(self, name, text):
        path = self.write(name, text)
        os.chmod(path, 0o600)
        return path

    def storage(self, name):
        """A folder where the rules need not be compiled again."""
        folder = self.path(name)
        os.mkdir(folder, 0o700)
        for cache in glob.glob(os.path.join(self.server.storage, "catalogue-*")):
            shutil.copy(cache, folder)
        return folder

    def doors(self):
        host, port = self.server.url.split("/")[2].split(":")
        return ((socket.AF_INET, (host, int(port))),
                (socket.AF_UNIX, os.path.join(self.server.storage, "control.sock")))

    def talk(self, door, request):
        """What comes back until the door closes, which it must."""
        family, address = door
        with socket.socket(family) as client:
            client.settimeout(20 * PATIENCE)
            client.connect(address)
            client.sendall(request)
            found = b""
            try:
                while piece := client.recv(65536):
                    found += piece
            except ConnectionError:
                pass
        return found

    def status(self, door, request):
        answer = self.talk(door, request)
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
        return int(answer.split()[1]), answer

    def send(self, method, path, body=None, **headers):
        connection = self.server.control()
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text)

    def is_paused(self):
        return json.loads(self.server.get("/jobs/demo/failover")[1])["paused"]

    # ---- names of other sites ----

    def test_other_sites_names(self):
        """A page whose name was made to lead here (DNS rebinding) reads nothing of the jobs."""
        for host in ("localhost", "LOCALHOST:1", "jobs.localhost", "127.0.0.1:10912", "[::1]", "192.0.2.7",
                     "proxy.example.org", "status.example.com:10912", "B.test"):
            for path in ("/", "/jobs", "/v1/jobs/demo", "/failover"):
                self.assertEqual(self.server.fetch(path, Host=host)[0], 200, (host, path))
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "x.b.test", "evil.example:80"):
            for path in ("/", "/jobs", "/v1/jobs/demo", "/failover", "/events", "/assets/0/app.js"):
                status, text, _ = self.server.get(path, Host=host)
                self.assertEqual(status, 403, (host, path))
                self.assertIn("--web.allowed-hosts", text)
            self.assertIn("Host", json.loads(self.server.get("/jobs", Host=host)[1])["errors"][0])
            for path in ("/metrics", "/-/healthy", "/-/ready"):
                self.assertEqual(self.server.fetch(path, Host=host)[0], 200, (host, path))
        self.assertEqual(self.status(self.doors()[0], b"GET /jobs HTTP/1.0\r\n\r\n")[0], 403)

    def test_public_status(self):
        """Where everybody may read, names count only if some are given."""
        address = own_address() or "127.0.0.1"
        for flags, status in (((), 200), (("--web.allowed-hosts=good.test",), 403)):
            daemon = self.daemon("--web.public-status", *flags, address=f"{address}:0",
                                 storage=self.storage(f"public-{status}"))
            for host, wanted in (("evil.example", status), ("good.test", 200), (f"{address}:1", 200)):
                self.assertEqual(daemon.fetch("/jobs", Host=host)[0], wanted, (flags, host))
                self.assertEqual(daemon.fetch("/", Host=host)[0], wanted, (flags, host))

    def test_names_that_are_none(self):
        for names in ("*", "*.example.com", "", "https://status.example.com"):
            answer = self.run_program("serve", f"--web.allowed-hosts={names}")
            self.assertEqual(answer.returncode, 1, names)
            self.assertIn("--web.allowed-hosts", answer.stderr)

    # ---- requests within requests ----

    def test_requests_within_requests(self):
        """What may end in two places is refused, and the connection with it."""
        head = b"POST /jobs HTTP/1.1\r\n" + HOST + JSON
        for fields, body in (
                (b"Content-Length: 0\r\nContent-Length: 0\r\n", b""),
                (b"Content-Length: 0\r\nContent-Length: 98\r\n", b""),
                (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
                (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"),
                (b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
                (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
                (b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
                (b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
                (b"Content-Length : 98\r\n", b""),
                (b"Content-Length\t: 98\r\n", b""),
                (b"X: y\rContent-Length: 98\r\n", b""),
                (HOST, b"")):
            for door in self.doors():
                with self.subTest(fields=fields):
                    self.assertEqual(self.status(door, head + fields + b"\r\n" + body + SMUGGLED)[0], 400)
        for length in (b"+5", b"-1", b"0x5", b"5, 5", b"5 5", b"", b"99999999999999999999"):
            for door in self.doors():
                answer = self.talk(door, head + b"Content-Length: " + length + b"\r\n\r\nhello" + SMUGGLED)
                self.assertTrue(answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), answer)
                self.assertNotIn(b" 202 ", answer)
        folded = b"POST /jobs HTTP/1.1\r\n X: y\r\n" + HOST + b"\r\n"
        for door in self.doors():
            self.assertEqual(self.status(door, folded + SMUGGLED)[0], 400)
        self.assertFalse(self.is_paused())

    def test_other_protocols(self):
        for request, status in (
                (b"GET /jobs HTTP/1.1\r\n" + HOST + b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n", 200),
                (b"GET /jobs HTTP/1.1\r\n" + HOST + LAST + b"Range: bytes=0-1,5-9\r\n\r\n", 200),
                (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
                (b"GET /jobs HTTP/9.9\r\n" + HOST + b"\r\n", 505)):
            for door in self.doors():
                self.assertEqual(self.status(door, request)[0], status, request)

    # ---- paths and methods ----

    def test_paths(self):
        for target, status in (
                (b"/%2e%2e/jobs", 400), (b"/jobs/%2e%2e/jobs", 400), (b"/./jobs", 400), (b"/jobs/.", 400),
                (b"/%c0%ae%c0%ae/jobs", 400), (b"/jobs/a%00b", 400), (b"/jobs/a%0d%0aX:y", 400), (b"/jobs#x", 400),
                (b"/jobs/\xff", 400), (b"/jobs%", 400), (b"/jobs%zz", 400), (b"*", 400), (b"jobs", 400),
                (b"//jobs", 404), (b"/jobs//demo", 404), (b"/jobs%2fdemo", 404), (b"/jobs/%2fdemo", 404),
                (b"/jobs/..%2f..%2fetc%2fpasswd", 404), (b"/jobs/demo/vertices/..%2f", 404), (b"/jobs\\demo", 404),
                (b"/jobs/%E2%80%AEdemo", 404), (b"/JOBS", 404), (b"/v1/v1/jobs", 404), (b"/jobs;x=1", 404),
                (b"/jobs?a=%00", 400), (b"/jobs?" + b"a" * 20000, 414), (b"/jobs?" + b"&".join([b"a=b"] * 300), 414),
                (b"/jobs/" + b"j" * 5000, 400), (b"/jobs/demo/plan?fail=a[99999999999]", 400),
                (b"/jobs/demo/exceptions?maxExceptions=99999999999999", 400),
                (b"http://localhost/jobs", 200), (b"http://localhost/%2e%2e/jobs", 400)):
            for door in self.doors():
                found, answer = self.status(door, b"GET " + target + b" HTTP/1.1\r\n" + HOST + LAST + b"\r\n")
                self.assertEqual(found, status, target[:60])
                self.assertNotIn(b"root:", answer)

    def test_methods(self):
        for method in (b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND", b"get", b"BREW"):
            for door in self.doors():
                status, answer = self.status(door, method + b" /jobs HTTP/1.1\r\n" + HOST + LAST + b"Cookie: c\r\n\r\n")
                self.assertEqual(status, 405, method)
                self.assertIn(b"\r\nAllow: GET, HEAD", answer)
                self.assertNotIn(b"Cookie", answer)

    # ---- names and folders ----

    def submit(self, name, vertex="a"):
        job = {"name": name, "working-directory": "/", "vertices": [{"id": vertex, "command": ["true"]}]}
        return self.send("POST", "/jobs", json.dumps(job), Content_Type="application/json")

    def test_names(self):
        for name in ("../x", "a/b", "..", ".", "a\nb", "a\x1b[31mb", "a\x7fb", "a\x9b31mb", "a\u2028b", "", "x" * 129,
                     "0123456789abcdef" * 2):
            status, answer = self.submit(name)
            self.assertEqual(status, 400, ascii(name))
            self.assertIn("name", answer["errors"][0])
        for vertex in ("../x", "..", "a/b", "a\nb", "a[1]", "-a", ""):
            self.assertEqual(self.submit("good", vertex)[0], 400, ascii(vertex))
        self.assertEqual(len(json.loads(self.server.get("/jobs")[1])["jobs"]), 1)
        turned = "turned \u202e round"
        self.assertEqual(self.submit(turned)[0], 201)
        listed = self.run_program("list", f"--storage.path={self.server.storage}").stdout
        self.assertIn("turned ? round", listed)
        self.assertNotIn("\u202e", listed + self.server.log_text())
        self.assertIn("turned \\u202e round", self.server.log_text())
        self.server.wait_state(turned, "FINISHED")
        self.assertEqual(json.loads(self.server.get("/jobs/turned%20%E2%80%AE%20round")[1])["name"], turned)

    def test_links_in_folders(self):
        """Somebody who can write to a folder of ours has no file of somebody else's read or written."""
        secret = self.write("secret", "the-secret-text\n")
        log = wait_for(lambda: [os.path.join(folder, name) for folder, _, names in os.walk(self.server.storage)
                                for name in names if name == "a.0.0.log"], what="the log of a[0]")[0]
        self.assertEqual(self.send("GET", "/jobs/demo/logs?task=a[0]")[0], 200)
        os.rename(log, log + ".kept")
        os.symlink(secret, log)
        try:
            status, answer = self.send("GET", "/jobs/demo/logs?task=a[0]")
            self.assertNotIn("the-secret-text", json.dumps(answer))
            self.assertLess(status, 500)
        finally:
            os.rename(log + ".kept", log)
        for name in ("lock", "state.db", "control.sock"):
            folder = self.storage("with-" + name)
            os.symlink(secret, os.path.join(folder, name))
            answer = self.run_program("serve", f"--storage.path={folder}", "--web.listen-address=127.0.0.1:0")
            self.assertEqual(answer.returncode, 1, name)
            self.assertEqual(self.read("secret"), "the-secret-text\n", name)

    # ---- secrets ----

    def test_tokens_where_they_do_not_belong(self):
        for path in (f"/jobs?token={TOKEN}", f"/jobs?access_token={TOKEN}", f"/nothing/{TOKEN}", f"/jobs/{TOKEN}%00"):
            self.server.fetch(path, Authorization=f"Bearer {TOKEN}")
        for path in ("/config", "/jobs", "/metrics", "/overview"):
            self.assertNotIn(TOKEN, self.server.get(path)[1])
        self.assertNotIn(TOKEN, self.server.log_text())


if __name__ == "__main__":
    main()
