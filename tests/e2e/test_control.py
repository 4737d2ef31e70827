# SPDX-License-Identifier: Apache-2.0
"""The control door and the commands that use it; and that nobody else gets in."""
import http.client
import json
import os
import socket
import stat
import subprocess
import time

from harness import PROGRAM, Case, free_port, main, own_address, wait_for

JOB = """
name: demo
configuration: {restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 3,
                restart-strategy.fixed-delay.delay: 10 ms}
vertices:
  - {id: a, parallelism: 2, command: [sh, -c, 'sleep 1000']}
  - {id: b, command: [sh, -c, 'sleep 1000']}
"""
TOKEN = "a-token-that-nobody-guesses"
HASH = "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"  # secret


class Control(Case):
    def start(self, *flags):
        self.server = self.daemon(*flags, self.write("job.yaml", JOB))
        self.await_tasks()

    def await_tasks(self):
        """The job is RUNNING before they are."""
        wait_for(lambda: self.server.total("failover_job_tasks", job_name="demo", state="RUNNING") == 3, what="the tasks")

    def send(self, method, path, body=None, connection=None, **headers):
        connection = connection or self.server.control()
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text) if text.startswith("{") else text

    def command(self, *arguments, status=0):
        answer = self.run_program(*arguments, f"--storage.path={self.server.storage}")
        self.assertEqual(answer.returncode, status, answer.stdout + answer.stderr)
        return answer.stdout if status == 0 else answer.stderr

    def attempts(self, job, vertex):
        answer = self.send("GET", f"/jobs/{job}/vertices/{vertex}")[1]
        return [task["attempt"] for task in answer["subtasks"] if task["status"] == "RUNNING"]

    # ---- the commands ----

    def test_commands(self):
        self.start()
        self.assertIn("demo", self.command("list"))
        self.assertEqual(json.loads(self.command("list", "--json"))["jobs"][0]["name"], "demo")
        self.assertIn("RUNNING 2", self.command("status", "demo"))
        self.assertEqual(json.loads(self.command("status", "demo", "--json"))["name"], "demo")
        self.command("restart", "demo", "a[1]")
        wait_for(lambda: sorted(self.attempts("demo", "a")) == [0, 1], what="the restart of a[1]")
        self.assertEqual(self.attempts("demo", "b"), [0])
        self.command("restart", "demo")
        wait_for(lambda: self.attempts("demo", "b") == [1], what="the restart of everything")
        self.assertEqual(self.server.total("failover_job_failures_total"), 0)
        self.assertEqual(self.server.total("failover_job_restart_budget_remaining"), 3)
        self.assertIn("no vertex", self.command("restart", "demo", "nowhere[0]", status=1))
        self.command("cancel", "demo")
        self.server.wait_state("demo", "CANCELED")
        self.command("cancel", "demo")
        self.assertIn("CANCELED", self.command("restart", "demo", status=1))
        self.assertIn("could not be found", self.command("cancel", "nobody", status=1))
        self.assertIn("not found", self.command("status", "nobody", status=1))
        self.assertIn("usage", self.command("status", status=1))

    def test_submit(self):
        self.start()
        script = self.write("task.sh", "#!/bin/sh\nexit 7\n")
        os.chmod(script, 0o755)
        job = self.write("other.yaml", "name: other\nvertices: [{id: v, command: [./task.sh]}]\n")
        job_id = self.command("submit", job).strip()
        self.assertRegex(job_id, "^[0-9a-f]{32}$")
        self.server.wait_state("other", "FAILED")
        self.assertIn("exit status 7", self.command("failures", "other"))
        self.assertIn("exit status 7", self.command("failures", job_id, "--json"))
        self.assertIn("already running", self.command("submit", self.path("job.yaml"), status=1))
        self.assertNotEqual(self.command("submit", job).strip(), job_id)  # that one has ended
        bad = self.write("bad.yaml", "name: bad\nvertices: [{id: v, comand: [ls]}]\n")
        self.assertIn("comand", self.command("submit", bad, status=1))
        self.command("submit", self.path("none.yaml"), status=1)

    def test_logs(self):
        noisy = ("name: noisy\nconfiguration: {restart-strategy.type: none}\nvertices:\n"
                 "  - {id: a, parallelism: 2, command: [sh, -c, 'printf \"one \\\\033[31mred\\\\n\\\\377\\\\n\"; "
                 "while [ ! -e go ]; do sleep 0.05; done; echo last']}\n")
        self.start()
        self.command("submit", self.write("noisy.yaml", noisy))
        for task in ("a[0]", "a[1]"):
            wait_for(lambda: self.command("logs", "noisy", task) == "one ?[31mred\n\ufffd\n", what="the output")
        self.assertEqual(self.command("logs", "noisy").count("==> a["), 2)
        follower = subprocess.Popen([PROGRAM, "logs", "--follow", "noisy", "a[0]", f"--storage.path={self.server.storage}"],
                                    stdout=subprocess.PIPE, text=True, errors="replace")
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)
        self.write("go", "")
        wait_for(lambda: self.server.total("failover_job_state", job_name="noisy", state="FINISHED") == 1, what="the end")
        self.assertTrue(follower.communicate(timeout=300)[0].endswith("\nlast\n"))
        self.assertEqual(self.command("logs", "noisy", "a[1]", "--attempt=7"), "")
        for arguments, word in ((("noisy", "b"), "no vertex"), (("noisy", "a"), ""), (("noisy", "a[0]", "--attempt=x"), "attempt"),
                                (("nobody",), "not found"), (("noisy", "--follow"), "task"), ((), "usage")):
            self.assertIn(word, self.command("logs", *arguments, status=1))
        self.assertEqual(self.send("GET", "/jobs/noisy/logs?task=a[0]&offset=99999")[1]["gap"], True)
        self.assertEqual(self.send("GET", "/jobs/noisy/logs?task=../../x")[0], 400)
        address = self.server.url.split("/")[2]
        self.assertEqual(self.send("GET", "/jobs/noisy/logs?task=a[0]",
                                   connection=http.client.HTTPConnection(*address.split(":")))[0], 404)

    def test_plan_of_a_running_job(self):
        self.start()
        self.assertIn("a[1] fails: after 0.0 s restart a[1]", self.command("plan", "--running=demo", "--fail=a[1]"))
        plan = json.loads(self.command("plan", "--running=demo", "--fail=a[1]", "--json"))
        self.assertEqual(plan["decisions"][0]["restart"], ["a[1]"])
        self.assertIn("not found", self.command("plan", "--running=nobody", "--fail=a[1]", status=2))
        self.assertIn("no vertex", self.command("plan", "--running=demo", "--fail=z[1]", status=2))
        self.assertIn("--fail", self.command("plan", "--running=demo", status=2))

    def test_pushed_jobs(self):
        pushed = self.write("pushed.yaml", "{name: pushed, engine: push, vertices: [{id: a}]}")
        answer = self.run_program("run", pushed)
        self.assertEqual(answer.returncode, 2)
        self.assertIn("push", answer.stderr)
        self.assertIn("serve", answer.stderr)
        self.server = self.daemon(pushed)
        self.server.wait_state("pushed", "RUNNING")
        self.assertIn("waits for its scheduler", self.server.log_text())
        self.assertIn("elsewhere", self.command("logs", "pushed", "a", status=1))
        self.command("cancel", "pushed")

    def test_pause_and_resume(self):
        self.start()
        self.command("pause", "demo")
        self.kill(wait_for(self.shells, what="a task's shell")[0])
        self.server.wait_state("demo", "RESTARTING")
        time.sleep(0.3)
        self.server.wait_state("demo", "RESTARTING")
        self.command("resume", "demo")
        self.await_tasks()

    def shells(self):
        """Of the tasks."""
        spawner = subprocess.check_output(["pgrep", "-P", str(self.server.process.pid)], text=True).split()[0]
        found = subprocess.run(["pgrep", "-P", spawner, "-x", "sh"], stdout=subprocess.PIPE, text=True, check=False)
        return found.stdout.split()

    def test_reload_and_quit(self):
        self.start()
        self.assertEqual(self.send("POST", "/-/reload"), (202, {}))
        self.assertEqual(self.send("POST", "/-/quit"), (202, {}))
        self.assertEqual(self.server.process.wait(120), 0)
        self.assertFalse(os.path.exists(os.path.join(self.server.storage, "control.sock")))

    def test_healthcheck(self):
        self.start()
        address = self.server.url.split("/")[2]
        good = self.run_program("healthcheck", f"--web.listen-address={address}")
        self.assertEqual((good.returncode, good.stdout), (0, "ready\n"))
        environment = dict(os.environ, FAILOVER_EXPORTER_WEB_LISTEN_ADDRESS=":" + address.rsplit(":", 1)[1])
        self.assertEqual(subprocess.run([PROGRAM, "healthcheck"], env=environment, check=False,
                                        stdout=subprocess.DEVNULL).returncode, 0)
        self.server.stop()
        self.assertEqual(self.run_program("healthcheck", f"--web.listen-address={address}").returncode, 1)

    # ---- words of the door ----

    def test_words(self):
        self.start()
        self.assertEqual(self.send("PATCH", "/jobs/demo?mode=stop")[0], 308)
        self.assertEqual(self.send("PATCH", "/jobs/demo?mode=now")[0], 400)
        self.assertEqual(self.send("PATCH", "/jobs/none"), (404, {"errors": ["Job could not be found."]}))
        self.assertEqual(self.send("POST", "/jobs/none/pause"), (404, {"errors": ["Job none not found"]}))
        self.assertEqual(self.send("PATCH", "/v1/jobs/demo?mode=CANCEL"), (202, {}))
        self.server.wait_state("demo", "CANCELED")
        self.assertEqual(self.send("PATCH", "/jobs/demo"), (202, {}))
        status, answer = self.send("POST", "/jobs?directory=/", JOB.replace("demo", "ends").replace("sleep 1000", "true"),
                                   Content_Type="application/yaml")
        self.assertEqual((status, answer["name"]), (201, "ends"))
        self.server.wait_state("ends", "FINISHED")
        status, answer = self.send("PATCH", "/jobs/ends")
        self.assertEqual(status, 409)
        self.assertIn("FINISHED", answer["errors"][0])

    def test_bad_jobs(self):
        self.start()
        good = {"Content_Type": "application/yaml"}
        for body, headers, status, word in (
                ("name: x", {"Content_Type": "text/plain"}, 415, "Content-Type"),
                ("name: x", {}, 415, "Content-Type"),
                ("", good, 400, ""),
                ("- a\n", good, 400, "map"),
                ("[" * 5000, good, 400, ""),
                ('{"name": "x", "name": "y"}', good, 400, "name"),
                ("name: x\nworking-directory: /\nvertices: [{id: a, command: [ls], parallelism: 99999999999}]\n",
                 good, 400, "parallelism"),
                (b"name: \xff\n", good, 400, ""),
                ("name: x\nengine: flink\nvertices: [{id: a, command: [ls]}]\n", good, 400, "engine"),
                ("name: x\nvertices: [{id: a, command: [ls]}]\n", good, 400, "working-directory"),
                (None, dict(good, Content_Length="2147483648"), 413, "")):
            found, answer = self.send("POST", "/jobs", body, **headers)
            self.assertEqual(found, status, answer)
            self.assertIn(word, answer["errors"][0])
        self.assertEqual(len(self.send("GET", "/jobs")[1]["jobs"]), 1)

    # ---- nobody else gets in ----

    def test_the_socket_is_ours(self):
        self.start()
        mode = os.stat(os.path.join(self.server.storage, "control.sock")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertEqual(self.send("POST", "/jobs/demo/pause", Origin="http://localhost")[0], 403)

    def test_another_user_is_refused(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to be somebody else")
        self.start()
        path = os.path.join(self.server.storage, "control.sock")
        os.chmod(self.server.storage, 0o755)
        os.chmod(path, 0o777)
        program = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
                   "s.sendall(b'POST /jobs/demo/pause HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n\\r\\n'); "
                   "print(s.recv(100).decode())")
        answer = subprocess.run(["/usr/bin/python3", "-c", program, path], user=65534, group=65534,
                                extra_groups=[], capture_output=True, text=True, check=True)
        self.assertIn(" 403 ", answer.stdout)

    def test_the_read_door_changes_nothing(self):
        self.start()
        host = self.server.url.split("/")[2]
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            for path in ("/jobs", "/jobs/demo", "/jobs/demo?mode=cancel", "/v1/jobs/demo", "/jobs/demo/pause",
                         "/jobs/demo/restart", "/-/quit", "/-/reload", "/jobs/%64emo/restart", "//jobs/demo",
                         "/jobs/../jobs/demo", "/v1/../-/quit", "/%2d/quit"):
                status, _ = self.send(method, path, connection=http.client.HTTPConnection(host),
                                      X_HTTP_Method_Override="PATCH")
                self.assertIn(status, (400, 404, 405), f"{method} {path}")
        self.assertEqual(self.server.total("failover_job_state", job_name="demo", state="RUNNING"), 1)
        self.assertIsNone(self.server.process.poll())

    def test_tcp_wants_the_token(self):
        port = free_port()
        token = self.write("token", TOKEN + "\n")
        os.chmod(token, 0o600)
        self.start(f"--control.listen-address=127.0.0.1:{port}", f"--control.token-file={token}")

        def knock(**headers):
            return self.send("POST", "/jobs/demo/pause",
                             connection=http.client.HTTPConnection("127.0.0.1", port), **headers)[0]
        right = {"Authorization": "Bearer " + TOKEN}
        self.assertEqual(knock(**right), 202)
        self.assertEqual(knock(), 403)
        self.assertEqual(knock(Authorization="Bearer " + TOKEN[:-1]), 403)
        self.assertEqual(knock(Authorization="Bearer " + TOKEN + "x"), 403)
        self.assertEqual(knock(Authorization="Bearer "), 403)
        self.assertEqual(knock(Origin="http://evil.example", **right), 403)
        self.assertEqual(knock(Host="evil.example", **right), 403)
        self.assertEqual(knock(Host="localhost:1", **right), 202)
        listed = self.run_program("list", f"--control.address=http://127.0.0.1:{port}", f"--control.token-file={token}")
        self.assertIn("demo", listed.stdout)
        self.assertNotIn(TOKEN, self.server.log_text())

    def test_bad_tokens_keep_the_daemon_from_starting(self):
        for text, mode, flags, word in ((TOKEN, 0o644, (), "0600"), ("short", 0o600, (), "16"), (None, 0, (), "token")):
            flags = ["--control.listen-address=127.0.0.1:0"]
            if text:
                path = self.write("token", text)
                os.chmod(path, mode)
                flags.append(f"--control.token-file={path}")
            answer = self.run_program("serve", "--web.listen-address=127.0.0.1:0", *flags)
            self.assertEqual(answer.returncode, 1)
            self.assertIn(word, answer.stderr)

    def test_tls_wants_a_role(self):
        port = free_port()
        certificate, key = self.certificate()
        web = self.write("web.yaml", f"""
tls_server_config: {{cert_file: {certificate}, key_file: {key}}}
basic_auth_users: {{alice: {HASH}, bob: {HASH}, carol: {HASH}}}
""")
        config = self.write("config.yaml", "web: {roles: {alice: [read, control], bob: [read]}}\n")
        self.server = self.daemon(f"--config.file={config}", f"--web.config.file={web}",
                                  f"--control.listen-address=127.0.0.1:{port}", self.write("job.yaml", JOB))

        def command(user, *arguments):
            return self.run_program(*arguments, f"--control.address=https://{user}localhost:{port}",
                                    f"--control.ca-file={certificate}")
        self.assertEqual(command("alice:secret@", "pause", "demo").returncode, 0)
        self.assertIn("demo", command("bob:secret@", "list").stdout)
        for user, arguments, status in (("bob:secret@", ("pause", "demo"), "403"), ("carol:secret@", ("list",), "403"),
                                        ("alice:wrong@", ("list",), "401"), ("", ("list",), "401")):
            wait_for(lambda: status in command(user, *arguments).stderr, what=f"{status} for {user} {arguments}")
        self.assertNotIn("secret", self.server.log_text())
        address = self.server.url.split("/")[2]
        health = self.run_program("healthcheck", f"--web.listen-address={address}", f"--web.config.file={web}")
        self.assertEqual(health.returncode, 1)  # the passwords hold for it too,
        self.assertIn("--storage.path", health.stderr)
        health = self.run_program("healthcheck", f"--storage.path={self.server.storage}")
        self.assertEqual((health.returncode, health.stdout), (0, "ready\n"))  # but not at the socket

    def test_others_see_metrics_only(self):
        address = own_address()
        if not address:
            self.skipTest("this machine has no address but loopback")
        for flags, status in ((("--web.public-status",), 200), ((), 403)):
            port = free_port(address)
            self.start(f"--web.listen-address={address}:{port}", *flags)
            for path, wanted in (("/jobs", status), ("/v1/jobs/demo", status), ("/metrics", 200), ("/-/ready", 200),
                                 ("/assets/0/none.js", 404 if status == 200 else 403)):
                found, _ = self.send("GET", path, connection=http.client.HTTPConnection(address, port))
                self.assertEqual(found, wanted, path)


if __name__ == "__main__":
    main()
