# SPDX-License-Identifier: Apache-2.0
"""The real program under test: starts it, reads its metrics, looks at its processes.

Standard library only. FAILOVER_EXPORTER names the program (ctest sets it).
"""
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

PROGRAM = os.environ.get("FAILOVER_EXPORTER", "build/release/bin/failover_exporter")
SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
START_SECONDS = 120  # compiling the rules takes a sanitized program long on a busy machine


PATIENCE = 4 if os.environ.get("FO_SANITIZE") else 1  # a sanitized program is that much slower


def wait_for(condition, seconds=60, what="the condition"):
    """Polls until `condition()` is truthy and returns what it was. Only a test that fails waits for long."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def free_port(address="127.0.0.1"):
    """A port of the address that nobody listens on. It is none of those that the kernel gives to clients: another
    test, which opens ten thousand connections, would have it before the program that it is meant for."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as text:
        for_clients = int(text.read().split()[0])
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address, random.randrange(10000, for_clients) if for_clients > 20000 else 0))
            return probe.getsockname()[1]


def alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def marked_processes(mark):
    """Live processes with `mark` in their arguments."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as cmdline:
                if mark.encode() in cmdline.read() and alive(name):
                    found.append(int(name))
        except OSError:
            pass
    return found


def own_address():
    """An address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Daemon:
    """`failover_exporter serve` on a port of its own. `launcher` stands before the program; `address` None
    leaves it to the program; other options are Popen's."""

    def __init__(self, *arguments, storage=None, address="127.0.0.1:0", launcher=(), **options):
        self.storage = storage or tempfile.mkdtemp()
        self.log_path = os.path.join(self.storage + ".log")
        self.log = open(self.log_path, "w+", encoding="utf-8", errors="replace")
        listen = [f"--web.listen-address={address}"] if address else []
        self.process = subprocess.Popen(
            [*launcher, PROGRAM, "serve", *listen, f"--storage.path={self.storage}", "--log.level=debug",
             *arguments], stderr=self.log, start_new_session=True, **options)
        try:
            self.url = wait_for(self._address, START_SECONDS, "the daemon to listen")
        except AssertionError as error:
            text = self.log_text()
            self.done()  # nobody else will: it is not anybody's yet
            raise AssertionError(f"{error}:\n{text}") from None

    def _address(self):
        found = re.search(r'msg="Listening\." address="([^"]+)"', self.log_text())
        if not found and self.process.poll() is not None:
            raise AssertionError("the daemon did not start")
        return found and found.group(1)

    def log_text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def fetch(self, path, method="GET", **headers):
        """Status, bytes of the body, headers."""
        base = self.url.rsplit("/", 1)[0]
        request = urllib.request.Request(base + path, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    def get(self, path, **headers):
        status, body, answered = self.fetch(path, **headers)
        return status, body.decode(), answered

    def control(self):
        """A connection to the control door."""
        return UnixConnection(os.path.join(self.storage, "control.sock"))

    def samples(self):
        """[(name, {label: value}, number)]"""
        found = []
        for line in self.get("/metrics")[1].splitlines():
            sample = SAMPLE.match(line)
            if sample:
                found.append((sample.group(1), dict(LABEL.findall(sample.group(2) or "")),
                              float(sample.group(3))))
        return found

    def total(self, name, **labels):
        """The sum of the samples of that name with those labels; None when there is none."""
        values = [value for sample, found, value in self.samples()
                  if sample == name and labels.items() <= found.items()]
        return sum(values) if values else None

    def account(self):
        """The account of all failures as one scrape has it, which must add up; rejections by reason."""
        account = dict.fromkeys(("received_total", "rejected_total", "counted_total", "pending"), 0)
        for name, labels, value in self.samples():
            name = name.removeprefix("failover_failures_")
            if name in account:
                account[name] += value
            if name == "rejected_total":
                account[labels["reason"]] = value
        if account["received_total"] != (account["rejected_total"] + account["counted_total"]
                                         + account["pending"]):
            raise AssertionError(f"the account does not add up: {account}")
        return account

    def wait_state(self, job, *states, seconds=60):
        def reached():
            for state in states:
                if self.total("failover_job_state", job_name=job, state=state) == 1:
                    return state
            return None
        return wait_for(reached, seconds, f"{job} to be {' or '.join(states)}:\n{self.log_text()}")

    def stop(self, seconds=120):
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(seconds)
        self.log.close()
        return status

    def done(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.storage, ignore_errors=True)
        if os.path.exists(self.log_path):  # daemons of one storage folder share it
            os.unlink(self.log_path)


class Case(unittest.TestCase):
    """A folder for each test, and daemons that end with it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def daemon(self, *arguments, **options):
        daemon = Daemon(*arguments, **options)
        self.addCleanup(daemon.done)
        return daemon

    def flaky_daemon(self, *arguments, name="flaky"):
        """A daemon with one job that has failed four times and is FAILED."""
        job = self.write("job.yaml", json.dumps({
            "name": name,
            "configuration": {"restart-strategy.type": "fixed-delay",
                              "restart-strategy.fixed-delay.attempts": 3,
                              "restart-strategy.fixed-delay.delay": "100 ms"},
            "vertices": [{"id": "a", "command": ["sh", "-c", "exit 7"]}]}))
        daemon = self.daemon(*arguments, job)
        wait_for(lambda: daemon.total("failover_job_state", state="FAILED") == 1,
                 what="the job to have failed:\n" + daemon.log_text())
        return daemon

    @classmethod
    def shared_flaky_daemon(cls, **options):
        """The same for all tests of a class, which ends it; for setUpClass."""
        owner = cls()
        owner.setUp()
        cls.addClassCleanup(owner.doCleanups)
        return owner.flaky_daemon(**options)

    def run_program(self, *arguments, seconds=120, **options):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True,
                              errors="replace", timeout=seconds * PATIENCE, check=False, **options)

    def certificate(self, name="cert"):
        """A self-signed certificate of this machine and its key: two paths."""
        certificate, key = self.path(f"{name}.pem"), self.path(f"{name}.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "1",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        return certificate, key

    @contextlib.contextmanager
    def running(self, *arguments, **options):
        """The program while the test goes well; a test that fails does not wait for its end."""
        with subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, text=True, **options) as process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise

    def kill(self, pid, number=signal.SIGKILL):
        os.kill(int(pid), number)


def main():
    unittest.main(verbosity=2)
