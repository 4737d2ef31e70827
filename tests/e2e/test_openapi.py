# SPDX-License-Identifier: Apache-2.0
"""The program against docs/openapi.yaml: every route is described and every description is served."""
import json
import os
import re

import yaml

from harness import Case, main

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOB = """
name: demo
configuration: {restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 3,
                restart-strategy.fixed-delay.delay: 10 ms}
vertices:
  - {id: a, parallelism: 2, command: [sh, -c, '[ $FAILOVER_ATTEMPT = 0 ] && exit 3; sleep 1000']}
  - {id: b, command: [sh, -c, 'cat $FAILOVER_INPUTS']}
edges: [{from: a, to: b}]
"""
PUSHED_JOB = "{name: pushed, engine: push, vertices: [{id: a}]}"
REPORT = '{"task": "a[0]", "attempt": 0, "sequence": 1, "state": "FAILED", "failure": {"exit_code": 1}}'
# How to ask so that the answer is a good one; the rest is asked as it is.
QUERIES = {("get", "/jobs/{job}/plan"): "?fail=a[0]", ("post", "/jobs"): "?directory=/",
           ("get", "/jobs/{job}/decisions"): "?wait=0", ("get", "/jobs/{job}/logs"): "?task=a[0]"}
PUSHED = ("/jobs/{job}/reports", "/jobs/{job}/decisions")  # of the job of the push engine
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "number": float}


def description():
    with open(os.path.join(ROOT, "docs", "openapi.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)


def routes_of_the_program():
    """The questions of exporter/rest, without their prefix, and the stream."""
    found = {("get", "/events")}
    for name in ("read.c", "control.c", "rest.c"):
        with open(os.path.join(ROOT, "exporter", "rest", name), encoding="utf-8") as file:
            for path, method in re.findall(r'\{"/v1(/[^"]*)",\s*EX_HTTP_(\w+)', file.read()):
                found.add((method.lower(), path.replace(":id", "{job}").replace(":vertex", "{vertex}")))
    return found


class OpenApi(Case):
    def setUp(self):
        super().setUp()
        self.api = description()

    def operations(self):
        for path, item in self.api["paths"].items():
            for method in ("get", "post", "patch"):
                if method in item:
                    yield method, path, item[method]

    def resolve(self, node):
        while "$ref" in node:
            target = self.api
            for key in node["$ref"].removeprefix("#/").split("/"):
                target = target[key]
            node = target
        return node

    def fits(self, value, schema, where):
        schema = self.resolve(schema)
        if value is None and schema.get("nullable"):
            return
        if "type" in schema:
            self.assertIs(type(value), TYPES[schema["type"]], where)
        if "enum" in schema:
            self.assertIn(value, schema["enum"], where)
        if "pattern" in schema:
            self.assertRegex(value, schema["pattern"], where)
        if schema.get("type") == "array":
            for inner in value:
                self.fits(inner, schema["items"], where + "[]")
        if schema.get("type") == "object":
            self.fits_object(value, schema, where)

    def fits_object(self, value, schema, where):
        self.assertLessEqual(set(schema.get("required", [])), set(value), where)
        for key, inner in value.items():
            known = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            self.assertNotIn(known, (None, False), f"{where}.{key} is not described")
            self.fits(inner, known, f"{where}.{key}")

    def ask(self, method, path):
        connection = self.server.control()
        job = "pushed" if path in PUSHED else "demo"
        target = path.replace("{job}", job).replace("{vertex}", "a") + QUERIES.get((method, path), "")
        body, content_type = {("post", "/jobs"): (JOB.replace("demo", "other"), "application/yaml"),
                              ("post", "/jobs/{job}/reports"): (REPORT, "application/json"),
                              }.get((method, path), (None, None))
        connection.request(method.upper(), target, body, {"Content-Type": content_type} if body else {})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return str(answer.status), body, answer.headers.get_content_type()

    def test_the_same_routes(self):
        described = {(method, path) for method, path, operation in self.operations()
                     if operation["tags"] != ["metrics"]}
        self.assertEqual(described, routes_of_the_program())

    def test_the_answers(self):
        for profile in "12":
            config = self.write("config.yaml", f'compatibility.flink: "{profile}"\n')
            self.server = self.daemon(f"--config.file={config}", self.write("job.yaml", JOB),
                                      self.write("pushed.yaml", PUSHED_JOB))
            self.server.wait_state("demo", "RUNNING")
            self.server.wait_state("pushed", "RUNNING")
            # What ends something comes last.
            finite = [operation for operation in self.operations() if operation[1] != "/events"]
            for method, path, operation in sorted(finite, key=lambda op: (op[1] == "/-/quit", op[0] == "patch")):
                status, body, content_type = self.ask(method, path)
                self.assertEqual(status, min(operation["responses"]), f"{method} {path}: {body}")
                content = self.resolve(operation["responses"][status]).get("content", {})
                if content:
                    self.assertIn(content_type, content)
                    self.fits(json.loads(body), content[content_type]["schema"], f"{method} {path}")


if __name__ == "__main__":
    main()
