# SPDX-License-Identifier: Apache-2.0
"""The read half of Flink's REST API on the read door: shapes, types, order, errors."""
import http.client
import itertools
import json

from harness import Case, main, wait_for

TASK_STATES = ["CREATED", "SCHEDULED", "DEPLOYING", "RUNNING", "FINISHED", "CANCELING", "CANCELED",
               "FAILED", "RECONCILING", "INITIALIZING"]
JOB_STATES = ["INITIALIZING", "CREATED", "RUNNING", "FAILING", "FAILED", "CANCELLING", "CANCELED",
              "FINISHED", "RESTARTING", "SUSPENDED", "RECONCILING"]
JOB = """
name: demo
configuration: {restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 3,
                restart-strategy.fixed-delay.delay: 10 ms, taskmanager.jaas.config.password: geheim}
vertices:
  - {id: src, parallelism: 2, command: [sh, -c, 'sleep 1000']}
  - {id: sink, command: [sh, -c, 'cat > /dev/null; sleep 1000']}
  - {id: bad, command: [sh, -c, 'if [ $FAILOVER_ATTEMPT = 0 ]; then echo "No space left on device" >&2; exit 3; fi;
                        if [ $FAILOVER_ATTEMPT = 1 ]; then printf "\\\\377 ModuleNotFoundError" >&2; exit 4; fi; sleep 1000']}
edges: [{from: src, to: sink}]
"""
INT, TEXT, BOOL, REAL = int, str, bool, float
METRICS = {"read-bytes": INT, "read-bytes-complete": BOOL, "write-bytes": INT, "write-bytes-complete": BOOL,
           "read-records": INT, "read-records-complete": BOOL, "write-records": INT,
           "write-records-complete": BOOL, "accumulated-backpressured-time": INT,
           "accumulated-idle-time": INT, "accumulated-busy-time": REAL}
VERTEX = {"id": TEXT, "name": TEXT, "maxParallelism": INT, "parallelism": INT, "status": TEXT,
          "start-time": INT, "end-time": INT, "duration": INT, "tasks": {state: INT for state in TASK_STATES},
          "metrics": METRICS}
OVERVIEW = {"jid": TEXT, "name": TEXT, "start-time": INT, "end-time": INT, "duration": INT, "state": TEXT,
            "last-modification": INT,
            "tasks": {"total": INT, **{state.lower(): INT for state in TASK_STATES}}}
ENTRY = {"exceptionName": TEXT, "stacktrace": TEXT, "timestamp": INT, "failureLabels": dict, "taskName": TEXT,
         "concurrentExceptions": list}


class Rest(Case):
    def setUp(self):
        super().setUp()
        self.server = None

    def start(self, profile="1", *flags):
        config = self.write("config.yaml", f'compatibility.flink: "{profile}"\n')
        self.server = self.daemon(f"--config.file={config}", *flags, self.write("job.yaml", JOB))
        self.wait_failures(2)

    def wait_failures(self, count):
        wait_for(lambda: len(self.ask("/jobs/demo/exceptions")["exceptionHistory"]["entries"]) >= count,
                 what="failures")
        wait_for(lambda: self.ask("/jobs/overview")["jobs"][0]["tasks"]["running"] == 4, what="all tasks to run")

    def ask(self, path, status=200):
        found, body, headers = self.server.get(path)
        self.assertEqual(found, status, body)
        self.assertEqual(headers["Content-Type"].split(";")[0], "application/json")
        return json.loads(body)

    def fits(self, value, shape, where=""):
        """The very keys, in any order, each of its type; bool is no int."""
        if isinstance(shape, dict):
            self.assertEqual(set(value), set(shape), where)
            for key, inner in shape.items():
                self.fits(value[key], inner, f"{where}.{key}")
        else:
            self.assertIs(type(value), shape, where)

    def test_shapes(self):
        self.start()
        jobs = self.ask("/jobs")
        self.fits(jobs["jobs"][0], {"id": TEXT, "status": TEXT})
        job_id = jobs["jobs"][0]["id"]
        self.assertRegex(job_id, "^[0-9a-f]{32}$")
        overview = self.ask("/jobs/overview")["jobs"][0]
        self.fits(overview, OVERVIEW)
        self.assertEqual(overview["tasks"]["total"], 4)
        self.assertEqual(overview["end-time"], -1)
        self.assertGreaterEqual(overview["last-modification"], overview["start-time"])
        self.assertEqual(self.ask(f"/jobs/{job_id}/status"), {"status": "RUNNING"})
        self.fits(self.ask("/overview"), {
            "taskmanagers": INT, "slots-total": INT, "slots-available": INT, "jobs-running": INT,
            "jobs-finished": INT, "jobs-cancelled": INT, "jobs-failed": INT, "flink-version": TEXT,
            "flink-commit": TEXT})
        self.fits(self.ask("/config"), {
            "refresh-interval": INT, "timezone-name": TEXT, "timezone-offset": INT, "flink-version": TEXT,
            "flink-revision": TEXT, "features": {"web-submit": BOOL, "web-cancel": BOOL,
                                                 "web-rescale": BOOL, "web-history": BOOL}})
        self.job(job_id)
        self.config(job_id)
        self.vertex(job_id)
        self.same_with_prefix(job_id)

    def job(self, job_id):
        job = self.ask(f"/jobs/{job_id}")
        shape = {"jid": TEXT, "name": TEXT, "isStoppable": BOOL, "state": TEXT, "start-time": INT, "end-time": INT,
                 "duration": INT, "maxParallelism": INT, "now": INT,
                 "timestamps": {state: INT for state in JOB_STATES}, "vertices": list,
                 "status-counts": {state: INT for state in TASK_STATES},
                 "plan": {"jid": TEXT, "name": TEXT, "type": TEXT, "nodes": list}}
        self.fits(job, shape)
        for vertex in job["vertices"]:
            self.fits(vertex, VERTEX)
        self.assertEqual([vertex["id"] for vertex in job["vertices"] if vertex["id"] != "bad"], ["src", "sink"])
        self.assertEqual(job["status-counts"]["RUNNING"], 3)
        self.assertEqual(job["timestamps"]["FAILED"], 0)
        self.assertGreater(job["timestamps"]["RESTARTING"], 0)
        nodes = {node["id"]: node for node in job["plan"]["nodes"]}
        self.assertEqual(nodes["sink"]["inputs"], [
            {"num": 0, "id": "src", "ship_strategy": "ALL_TO_ALL", "exchange": "pipelined"}])
        self.assertNotIn("inputs", nodes["src"])

    def config(self, job_id):
        config = self.ask(f"/jobs/{job_id}/config")["execution-config"]
        self.fits(config, {"restart-strategy": TEXT, "job-parallelism": INT, "object-reuse-mode": BOOL,
                           "user-config": dict, "execution-mode": TEXT})
        self.assertEqual(config["restart-strategy"], "Restart with fixed delay (PT0.01S). #3 restart attempts.")
        self.assertEqual(config["user-config"]["taskmanager.jaas.config.password"], "******")
        self.assertNotIn("geheim", json.dumps(config))

    def vertex(self, job_id):
        vertex = self.ask(f"/jobs/{job_id}/vertices/bad")
        self.assertEqual([(task["subtask"], task["attempt"], task["status"]) for task in vertex["subtasks"]],
                         [(0, 2, "RUNNING")])
        self.assertEqual(self.ask(f"/jobs/{job_id}/vertices/none", 404), {"errors": ["Vertex none not found"]})

    def same_with_prefix(self, job_id):
        for path in ("/jobs", "/config", f"/jobs/{job_id}/exceptions", f"/jobs/{job_id}/config"):
            self.assertEqual(self.ask(path), self.ask("/v1" + path))

    def test_exceptions(self):
        self.start()
        answer = self.ask("/jobs/demo/exceptions")
        history = answer["exceptionHistory"]
        self.assertIs(history["truncated"], False)
        newer, older = history["entries"]
        self.fits(newer, ENTRY)
        self.assertGreaterEqual(newer["timestamp"], older["timestamp"])
        self.assertEqual(newer["taskName"], "bad (1/1) - execution #1")
        self.assertIn("\ufffd ModuleNotFoundError", newer["stacktrace"])
        self.assertEqual(older["exceptionName"], "failover.ExitStatus")
        self.assertEqual(older["failureLabels"]["category"], "disk")
        self.assertEqual(answer["root-exception"], newer["stacktrace"])
        self.assertEqual(answer["all-exceptions"], [])
        one = self.ask("/jobs/demo/exceptions?maxExceptions=1")["exceptionHistory"]
        self.assertEqual((len(one["entries"]), one["truncated"]), (1, True))
        none = self.ask("/jobs/demo/exceptions?maxExceptions=0")["exceptionHistory"]
        self.assertEqual((none["entries"], none["truncated"]), ([], True))
        disk = self.ask("/jobs/demo/exceptions?failureLabelFilter=category:disk")["exceptionHistory"]
        self.assertEqual([entry["taskName"] for entry in disk["entries"]], ["bad (1/1) - execution #0"])
        self.assertEqual(self.ask("/jobs/demo/exceptions?failureLabelFilter=category:disk,type:USER")
                         ["exceptionHistory"]["entries"], [])
        for query in ("maxExceptions=x", "maxExceptions=-1", "maxExceptions=99999999999",
                      "failureLabelFilter=a:", "failureLabelFilter=a:b:c",
                      "failureLabelFilter=" + "a:b," * 100, "failureLabelFilter=" + "a" * 5000):
            errors = self.ask("/jobs/demo/exceptions?" + query, 400)["errors"]
            self.assertIn(query.split("=")[0], errors[0])

    def test_what_if(self):
        self.start()
        before = self.ask("/jobs/demo")["vertices"]
        plan = self.ask("/jobs/demo/plan?fail=src%5B1%5D")
        self.assertEqual(sorted(plan["regions"]), [["bad[0]"], ["src[0]", "src[1]", "sink[0]"]])
        self.assertEqual(plan["decisions"], [{
            "at_ms": 0, "failed": "src[1]", "action": "restart", "restart": ["src[0]", "src[1]", "sink[0]"],
            "delay_ms": 10, "budget_left": 0}])  # two of three are used up already
        self.assertIsNone(plan["gives_up_at_ms"])
        self.assertEqual([vertex["status"] for vertex in self.ask("/jobs/demo")["vertices"]],
                         [vertex["status"] for vertex in before])
        for query in ("", "?fail=", "?fail=none[0]", "?fail=src[2]", "?fail=" + "x" * 500):
            self.ask("/jobs/demo/plan" + query, 400)

    def test_events(self):
        self.start()
        host = self.server.url.split("/")[2]
        connections = [http.client.HTTPConnection(host, timeout=120), self.server.control()]
        streams = []
        for connection in connections:
            connection.request("GET", "/events")
            streams.append(connection.getresponse())
            self.assertEqual(streams[-1].headers["Content-Type"], "text/event-stream")
            self.addCleanup(connection.close)
        gone = http.client.HTTPConnection(host)
        gone.request("GET", "/events")
        gone.getresponse().close()
        gone.close()
        job = self.write("doomed.yaml", "name: doomed\nvertices: [{id: v, command: [sh, -c, 'exit 9']}]\n")
        self.assertEqual(self.run_program("submit", f"--storage.path={self.server.storage}", job).returncode, 0)
        for stream in streams:
            # The other job may still be recovering.
            events = (self.event(stream) for _ in range(6))
            told = list(itertools.islice((event for event in events if event[1]["job_name"] == "doomed"), 3))
            self.assertEqual(sorted(kind for kind, _ in told), ["exhausted", "failure", "labelled"])
            for kind, record in told:
                self.assertEqual((record["kind"], record["job_name"], record["task"]), (kind, "doomed", "v[0]"))
            self.assertEqual(len({record["incident"] for _, record in told}), 1)
        self.assertEqual(self.server.stop(), 0)
        for stream in streams:
            self.assertEqual(stream.read(), b"")  # ended, not cut off

    def event(self, stream):
        """(kind, record) of the next one; keep-alives are passed over."""
        fields = {}
        while True:
            line = stream.readline().decode().rstrip("\n")
            if not line and "data" in fields:
                return fields["event"], json.loads(fields["data"])
            name, separator, value = line.partition(": ")
            if separator and name:
                fields[name] = value

    def test_current_flink(self):
        self.start("2")
        self.assertEqual(list(self.ask("/jobs/demo/exceptions")), ["exceptionHistory"])
        self.assertEqual(self.ask("/jobs/overview")["jobs"][0]["pending-operators"], 0)
        job = self.ask("/jobs/demo")
        self.assertEqual((job["job-type"], job["pending-operators"]), ("STREAMING", 0))
        self.assertIn("slotSharingGroupId", job["vertices"][0])
        self.assertNotIn("execution-mode", self.ask("/jobs/demo/config")["execution-config"])

    def test_unknown(self):
        self.start()
        unknown = "0" * 32
        for path in ("", "/status", "/exceptions", "/config", "/vertices/a"):
            self.assertEqual(self.ask(f"/jobs/{unknown}{path}", 404), {"errors": [f"Job {unknown} not found"]})
        self.ask("/jobs/" + "x" * 300, 400)


if __name__ == "__main__":
    main()
