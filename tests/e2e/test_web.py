# SPDX-License-Identifier: Apache-2.0
"""The doors of the real program: TLS, passwords, reloads, unwelcome clients, the service manager."""
import contextlib
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest
import warnings

from harness import Case, main, own_address, wait_for

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

GRACE_SECONDS = 0.2  # a newcomer's time to ask before it makes place for others, EX_HTTP_GRACE_MS, and some less
PATHS = ("/metrics", "/", "/-/healthy", "/-/ready", "/nothing")

# Moves the descriptors named first to 3, 4, ... and becomes the program, as systemd would.
HAND_OVER = """
import os, sys
sockets = [int(text) for text in sys.argv[1].split(",")]
for number, descriptor in enumerate([os.dup(os.dup(descriptor)) for descriptor in sockets], 3):
    os.dup2(descriptor, number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)))
os.execv(sys.argv[2], sys.argv[2:])
"""


def hash_password(password):
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2 ** 4))


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


class Web(Case):
    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def make_ca(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")

    def make_certificate(self, name, ca, san="IP:127.0.0.1"):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.write(f"{name}.ext", f"subjectAltName={san}\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key",
                     "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")

    def replace(self, name, text):
        """Writes the file whole, as people who reload under load should."""
        os.rename(self.write(name + ".new", text), self.path(name))

    def curl(self, url, *arguments):
        """The status; 0 when there was no answer."""
        answer = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20",
                                 *arguments, url], cwd=self.folder, capture_output=True, text=True, check=False)
        return int(answer.stdout)

    def load(self, url, *arguments):
        """Asks without a pause, three at a time, until the function that it returns is called; that one
        returns every status there was."""
        statuses, stop = set(), threading.Event()

        def ask():
            while not stop.is_set():
                statuses.add(self.curl(url, *arguments))

        def finish():
            stop.set()
            for client in clients:
                client.join()
            return statuses

        clients = [threading.Thread(target=ask) for _ in range(3)]
        for client in clients:
            client.start()
        self.addCleanup(finish)
        return finish


class Encrypted(Web):
    def daemon_with(self, settings):
        self.write("web.yml", settings)
        daemon = self.daemon(f"--web.config.file={self.path('web.yml')}")
        self.assertTrue(daemon.url.startswith("https:"))
        return daemon, daemon.url

    def test_client_certificates(self):
        for ca in ("ca", "stranger"):
            self.make_ca(ca)
        self.make_certificate("server", "ca")
        self.make_certificate("client", "ca", "DNS:prometheus")
        self.make_certificate("other", "ca", "DNS:somebody")
        self.make_certificate("forged", "stranger", "DNS:prometheus")
        _, url = self.daemon_with("tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
                                  "  client_ca_file: ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n"
                                  "  client_allowed_sans: [prometheus]\n")
        self.assertEqual(self.curl(url, "--cacert", "ca.pem", "--cert", "client.pem", "--key", "client.key"), 200)
        for name in ("other", "forged"):
            self.assertEqual(self.curl(url, "--cacert", "ca.pem", "--cert", f"{name}.pem", "--key", f"{name}.key"),
                             0, name)
        self.assertEqual(self.curl(url, "--cacert", "ca.pem"), 0)
        self.assertEqual(self.curl(url, "--cacert", "stranger.pem", "--cert", "client.pem", "--key", "client.key"), 0)
        self.assertIn(self.curl(url.replace("https:", "http:")), (0, 400))

    def test_certificate_is_replaced_under_load(self):
        self.make_ca("ca")
        self.make_certificate("server", "ca")
        self.make_certificate("next", "ca")
        daemon, url = self.daemon_with("tls_server_config: {cert_file: server.pem, key_file: server.key}\n")
        finish = self.load(url, "--cacert", "ca.pem")
        port = int(url.split(":")[2].split("/")[0])
        old = ssl.get_server_certificate(("127.0.0.1", port))
        self.replace("web.yml", "tls_server_config: {cert_file: next.pem, key_file: next.key}\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: ssl.get_server_certificate(("127.0.0.1", port)) != old, what="the new certificate")
        self.assertEqual(finish(), {200})


class Passwords(Web):
    def test_every_path_asks(self):
        self.write("web.yml", json.dumps({"basic_auth_users": {"alice": hash_password("right")}}))
        daemon = self.daemon(f"--web.config.file={self.path('web.yml')}")
        base = daemon.url.rsplit("/", 1)[0]
        for path in PATHS:
            expected = 404 if path == "/nothing" else 200
            self.assertEqual(self.curl(base + path, "-u", "alice:right"), expected, path)
            for user in (None, "alice:wrong", "alice:", "bob:right", ":right"):
                self.assertEqual(self.curl(base + path, *(["-u", user] if user else [])), 401, (path, user))
        self.assertIn("Basic", daemon.get("/metrics")[2]["WWW-Authenticate"])

    def test_reload_under_load(self):
        def settings(**users):
            return json.dumps({"basic_auth_users": {user: hash_password(word) for user, word in users.items()}})

        self.write("web.yml", settings(prometheus="stays", alice="old"))
        daemon = self.daemon(f"--web.config.file={self.path('web.yml')}")

        def good():
            answer = subprocess.run(["curl", "-s", "-u", "prometheus:stays", daemon.url], capture_output=True,
                                    text=True, check=True).stdout
            return "\nfailover_web_config_last_reload_successful 1\n" in answer

        finish = self.load(daemon.url, "-u", "prometheus:stays")
        self.assertTrue(good())
        self.assertEqual(self.curl(daemon.url, "-u", "alice:old"), 200)
        self.replace("web.yml", settings(prometheus="stays", alice="new"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.curl(daemon.url, "-u", "alice:new") == 200, what="the new password")
        self.assertEqual(self.curl(daemon.url, "-u", "alice:old"), 401)
        self.replace("web.yml", "basic_auth_users: {alice: [no hash}\n")  # nobody is told: it is noticed
        wait_for(lambda: not good(), what="the broken file to be noticed")
        self.assertEqual(self.curl(daemon.url, "-u", "alice:new"), 200)
        self.replace("web.yml", settings(prometheus="stays"))
        wait_for(lambda: self.curl(daemon.url, "-u", "alice:new") == 401, what="alice to be gone")
        self.assertTrue(good())
        self.assertEqual(finish(), {200})


class Addresses(Web):
    def test_unix_socket(self):
        path = self.path("door.sock")
        daemon = self.daemon(address=f"unix:{path}")
        self.assertEqual(daemon.url, f"unix:{path}")
        self.assertEqual(self.curl("http://localhost/metrics", "--unix-socket", path), 200)
        second = self.run_program("serve", f"--web.listen-address=unix:{path}")
        self.assertEqual(second.returncode, 1, second.stderr)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(path))

    def test_repeated_addresses(self):
        path = self.path("door.sock")
        daemon = self.daemon(f"--web.listen-address=unix:{path}")
        self.assertEqual(daemon.get("/metrics")[0], 200)
        self.assertEqual(self.curl("http://localhost/metrics", "--unix-socket", path), 200)

    def test_sockets_of_systemd(self):
        with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
            descriptors = (first.fileno(), second.fileno())
            daemon = self.daemon(
                "--web.systemd-socket", address=None, pass_fds=descriptors,
                launcher=(sys.executable, "-c", HAND_OVER, ",".join(map(str, descriptors))))
            ports = [listener.getsockname()[1] for listener in (first, second)]
        for port in ports:
            self.assertEqual(self.curl(f"http://127.0.0.1:{port}/metrics"), 200)
        self.assertEqual(daemon.url, f"http://127.0.0.1:{ports[0]}/metrics")

    def test_no_socket_of_systemd(self):
        answer = self.run_program("serve", "--web.systemd-socket")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("0 sockets were handed over", answer.stderr)
        self.assertNotIn("Listening", answer.stderr)


class Flags(Web):
    def test_check(self):
        job = self.write("job.yaml", "name: a\nvertices: [{id: a, command: ['true']}]\n")
        bad_job = self.write("bad.yaml", "name: a\nvertices: [{id: a, command: ['true'], parallelism: 0}]\n")
        config = self.write("config.yaml", "restart-strategy.type: fixed-delay\n")
        bad_config = self.write("bad_config.yaml", "restart-strategy.tpye: fixed-delay\n")
        web = self.write("web.yml", json.dumps({"basic_auth_users": {"a": hash_password("b")}}))
        bad_web = self.write("bad_web.yml", "basic_auth_users: {a: plain}\n")

        def check(config_file, web_file, *jobs):
            return self.run_program(f"--config.file={config_file}", f"--web.config.file={web_file}",
                                    "--config.check", "--web.listen-address=192.0.2.1:1", *jobs)

        answer = check(config, web, job)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        for files, names in (((bad_config, bad_web, job), (bad_config, bad_web)), ((config, bad_web), (bad_web,)),
                             ((config, web, bad_job, job), (bad_job,))):
            answer = check(*files)
            self.assertEqual(answer.returncode, 1)
            for name in names:
                self.assertIn(f"{name}:", answer.stderr)

    def test_bad_flags(self):
        for flag in ("--web.listen-address=nowhere", "--web.max-requests=-1", "--web.max-response-bytes=many",
                     "--web.timeout-offset=soon", "--no-web.listen-address", "--log.level=loud", "--nothing",
                     "--web.external-url=example.org/a", "--web.route-prefix=/a b",
                     "--web.config.file=/nonexistent"):
            answer = self.run_program("serve", flag)
            self.assertEqual(answer.returncode, 1, flag)
            self.assertNotIn("Listening", answer.stderr)

    def test_environment(self):
        daemon = self.daemon(env={**os.environ, "FAILOVER_EXPORTER_WEB_TELEMETRY_PATH": "/figures"})
        self.assertEqual(daemon.get("/figures")[0], 200)

    def test_prefix(self):
        """Behind a proxy that passes its path on: everything is below it, links and healthcheck included."""
        daemon = self.daemon("--web.external-url=https://example.org/team/failover/",
                             "--web.telemetry-path=/a&b")
        base = daemon.url[:-len("/a&b")]
        self.assertTrue(base.endswith("/team/failover"), daemon.url)
        for path, status in (("/a&b", 200), ("/", 200), ("/-/ready", 200), ("/jobs", 200), ("/v1/config", 200),
                             ("", 302), ("/metrics", 404), ("//a&b", 404)):
            self.assertEqual(self.curl(base + path), status, path)
        server = base[:-len("/team/failover")]
        for path, status in (("/a&b", 404), ("/-/ready", 404), ("/", 302), ("/team", 404), ("/team/", 404)):
            self.assertEqual(self.curl(server + path), status, path)
        self.assertEqual(self.curl(server + "/", "-L"), 200)
        address = server.split("/")[2]
        for flag, status in (("--web.external-url=http://x/team/failover", 0), ("--web.route-prefix=team/failover", 0),
                             ("--web.route-prefix=/", 1)):
            health = self.run_program("healthcheck", f"--web.listen-address={address}", flag)
            self.assertEqual(health.returncode, status, flag)

    def test_first_page_of_strangers(self):
        """Its link leads to the metrics wherever they are."""
        address = own_address()
        if not address:
            self.skipTest("this machine has no address but loopback")
        daemon = self.daemon("--web.telemetry-path=/a&b", "--web.route-prefix=/x", address=f"{address}:0")
        self.assertIn('href="./a&#38;b"', daemon.get("/")[1])

    def test_proxy_that_takes_its_path_off(self):
        daemon = self.daemon("--web.external-url=http://x/team", "--web.route-prefix=/")
        self.assertEqual(daemon.get("/metrics")[0], 200)

    def test_hashes_of_files(self):
        config = self.write("config.yaml", "restart-strategy.type: fixed-delay\n")
        web = self.write("web.yml", "{}\n")
        daemon = self.daemon(f"--config.file={config}", f"--web.config.file={web}")
        found = {name: daemon.total(name) for name in ("failover_config_hash", "failover_web_config_hash")}
        for name, value in found.items():
            self.assertTrue(0 < value < 2 ** 48, name)
        self.replace("web.yml", "# other\n{}\n")
        wait_for(lambda: daemon.total("failover_web_config_hash") not in (None, found["failover_web_config_hash"]),
                 what="another hash")
        self.assertEqual(daemon.total("failover_config_hash"), found["failover_config_hash"])

    def test_no_limit_of_requests(self):
        daemon = self.daemon("--web.max-requests=0")
        self.assertEqual(daemon.get("/metrics")[0], 200)


class Unwelcome(Web):
    def address(self, daemon):
        host, port = daemon.url.split("/")[2].split(":")
        return host, int(port)

    def talk(self, daemon, request, expected):
        """What comes back until it is as expected, the door closes or says no more for a while."""
        with socket.create_connection(self.address(daemon), timeout=60 if expected else 2) as client:
            found = b""
            with contextlib.suppress(ConnectionError):  # it was answered before it was read to its end
                client.sendall(request)
            try:
                while not expected or not found.startswith(expected):
                    piece = client.recv(65536)
                    if not piece:
                        break
                    found += piece
            except (TimeoutError, ConnectionError):
                pass
        return found

    def test_nonsense(self):
        daemon = self.daemon()
        head = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
        for request, expected in (
                (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), b""),
                (b"\r\n\r\n\r\n", b""),
                (b"GET\r\n\r\n", b""),
                (head + b"X: " + b"a" * 100000 + b"\r\n\r\n", b"HTTP/1.1 431"),
                (head + b"".join(b"X-%d: y\r\n" % i for i in range(20000)) + b"\r\n", b"HTTP/1.1 431"),
                (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 414"),
                (head + b"Content-Length: 5\r\n\r\nhello", b"HTTP/1.1 413"),
                (head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 400"),
                (head + b"Content-Length: 99999999999999999999\r\n\r\n", b"HTTP/1.1 4"),
                (b"BREW /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 405"),
                (b"GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 400"),
                (b"GET /%2e%2e/metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 400"),
                (b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE\x00\xff\r\n\r\n", b"HTTP/1.1 200")):
            with self.subTest(request=request[:60]):
                answer = self.talk(daemon, request, expected)
                self.assertTrue(answer.startswith(expected), answer[:100])
                self.assertEqual(daemon.get("/metrics")[0], 200)

    def test_slow_clients_end_by_themselves(self):
        daemon = self.daemon()
        with socket.create_connection(self.address(daemon)) as half, \
                socket.create_connection(self.address(daemon)) as dripping:
            half.sendall(b"GET /metrics HTTP/1.1\r\nHos")
            began = time.monotonic()
            ended = None
            while ended is None and time.monotonic() < began + 120:
                try:
                    dripping.sendall(b"G")
                except ConnectionError:
                    ended = time.monotonic() - began
                self.assertEqual(daemon.get("/metrics")[0], 200)
                time.sleep(0.5)
            self.assertIsNotNone(ended, "one byte now and then kept the connection")
            half.settimeout(60)
            try:
                answer = half.recv(4096)
            except ConnectionError:
                answer = b""
            self.assertFalse(answer.startswith(b"HTTP/1.1 200"))
        wait_for(lambda: daemon.total("failover_http_rejected_total", reason="deadline") >= 2,
                 what="both deadlines to be counted")

    def scrape_in_time(self, daemon):
        """The whole answer; None when this machine let us ask so late that we had to make place for others."""
        connected = time.monotonic()
        with socket.create_connection(self.address(daemon), timeout=60) as client:
            with contextlib.suppress(ConnectionError):
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            late = time.monotonic() - connected > GRACE_SECONDS
            try:
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            except ConnectionError:
                if not late:
                    raise
                answer = b""
        if not answer and not late:
            raise ConnectionError("closed without an answer")
        return answer or None

    def test_ten_thousand_connections(self):
        """Every scrape in the flood is answered, and what the flood leaves behind is small."""
        daemon = self.daemon()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        count = min(10000, hard - 200)
        before = resident_bytes(daemon.process.pid)
        statuses, most, stop = [], [], threading.Event()

        def scrape():
            while not stop.is_set():
                answer = self.scrape_in_time(daemon)
                if answer is not None:
                    statuses.append(int(answer.split()[1]))
                    most.append(int(re.search(rb"^failover_http_connections (\d+)$", answer, re.M).group(1)))

        scraper = threading.Thread(target=self.note_failure, args=(scrape, statuses))
        scraper.start()
        clients = []
        try:
            for number in range(count):
                clients.append(socket.create_connection(self.address(daemon), timeout=60))
                if number % 2:
                    clients[-1].send(b"GET /metrics HTTP/1.1\r\nHost: x")
        finally:
            stop.set()
            scraper.join()
            for client in clients:
                client.close()
        self.assertEqual(set(statuses), {200})
        self.assertLessEqual(max(most), 512)
        if not os.environ.get("FO_SANITIZE"):  # those remember what was freed
            self.assertLess(resident_bytes(daemon.process.pid) - before, 24 * 1024 * 1024)

    @staticmethod
    def note_failure(work, statuses):
        try:
            work()
        except Exception as error:  # whatever it is, the test is to see it
            statuses.append(repr(error))


class Service(Web):
    def notified(self, endpoint):
        endpoint.settimeout(60)
        return endpoint.recv(4096).decode()

    def test_tells_the_service_manager(self):
        path = self.path("notify.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as endpoint:
            endpoint.bind(path)
            daemon = self.daemon(launcher=("sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh"), env={
                **os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"})
            self.assertEqual(self.notified(endpoint), "READY=1")
            began = time.monotonic()
            while select.select([endpoint], [], [], 0)[0]:  # told while we were not listening
                self.assertEqual(self.notified(endpoint), "WATCHDOG=1")
            for _ in range(5):
                self.assertEqual(self.notified(endpoint), "WATCHDOG=1")
            self.assertGreater(time.monotonic() - began, 0.4)
            daemon.process.terminate()
            told = wait_for(lambda: [text for text in [self.notified(endpoint)] if text != "WATCHDOG=1"],
                            what="the end to be told")
            self.assertEqual(told, ["STOPPING=1"])
            self.assertEqual(daemon.stop(), 0)

    def test_not_ready_when_a_job_is_bad(self):
        path = self.path("notify.sock")
        job = self.write("job.yaml", "name: a\nvertices: []\n")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as endpoint:
            endpoint.bind(path)
            answer = self.run_program("serve", "--web.listen-address=127.0.0.1:0", job,
                                      env={**os.environ, "NOTIFY_SOCKET": path})
            self.assertEqual(answer.returncode, 1)
            endpoint.setblocking(False)
            self.assertRaises(BlockingIOError, endpoint.recv, 4096)  # nothing was ever ready

    def test_answers_while_it_ends(self):
        daemon = self.daemon()
        statuses = []

        def scrape():
            try:
                while True:
                    status, page, _ = daemon.get("/metrics", Accept="application/openmetrics-text")
                    statuses.append((status, page.endswith("# EOF\n")))
            except OSError:
                pass

        scrapers = [threading.Thread(target=scrape) for _ in range(4)]
        for scraper in scrapers:
            scraper.start()
        wait_for(lambda: len(statuses) > 20, what="some scrapes")
        self.assertEqual(daemon.stop(), 0)
        for scraper in scrapers:
            scraper.join()
        self.assertEqual(set(statuses), {(200, True)})  # a whole page or none


def load_tests(loader, tests, _pattern):
    """Everything here drives curl and openssl."""
    if shutil.which("curl") and shutil.which("openssl"):
        return tests
    print("SKIP: curl or openssl is not installed")
    return unittest.TestSuite()


if __name__ == "__main__":
    main()
