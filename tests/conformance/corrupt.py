# SPDX-License-Identifier: Apache-2.0
"""corrupt.py CONFORMANCE VECTORS - changes each case so that it is wrong, and wants to see it fail.

Every case of every kind gets each of three damages, alone in a file of a neutral name: an
expectation that does not hold, a field that nobody knows, and no expectation at all. The program
must answer "0 passed, 1 failed" and exit with 1."""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile


def wrong(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, list):
        return value[1:] if value else ["x"]
    if isinstance(value, dict) and value:
        return {key: wrong(item) for key, item in value.items()}
    return {"x": "x"}


def expectations(case):
    """Each place that holds an expectation, as (container, key)."""
    if "events" in case:
        if "expect_create_error" in case:
            return [(case, "expect_create_error")]
        return [(event["expect"], key) for event in case["events"] for key in event["expect"]]
    if "steps" in case:
        steps = [step for step in case["steps"] if step["op"] == "expect"]
        return [(step, key) for step in steps for key in step if key != "op"]
    if "input" in case:
        return [(case, key) for key in ("expect_ms", "expect_ns", "error") if key in case]
    if isinstance(case.get("expect"), dict):
        return [(case["expect"], key) for key in case["expect"]]
    return [(case, key) for key in case if key.startswith("expect")]


def damages(case):
    places = len(expectations(case))
    assert places, f"no expectation found: {case}"
    for index in range(places):
        damaged = copy.deepcopy(case)
        container, key = expectations(damaged)[index]
        container[key] = wrong(container[key])
        yield f"wrong {key}", damaged
    unknown = copy.deepcopy(case)
    unknown["unheard-of"] = 1
    yield "unknown field", unknown
    bare = copy.deepcopy(case)
    for container, key in expectations(bare):
        del container[key]
    yield "no expectation", bare


def main():
    program, vectors = sys.argv[1], pathlib.Path(sys.argv[2])
    survivors, tried = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cases"
        for file in sorted(vectors.glob("*.json")):
            for case in json.loads(file.read_text(encoding="utf-8")):
                for what, damaged in damages(case):
                    path.write_text(json.dumps([damaged]), encoding="utf-8")
                    run = subprocess.run([program, path], capture_output=True, text=True)
                    tried += 1
                    if run.returncode != 1 or not run.stdout.endswith("0 passed, 1 failed\n"):
                        survivors.append(f"{file.name}: {case.get('name', case.get('input'))}: {what}")
    print("\n".join(survivors))
    print(f"{tried} damaged cases, {len(survivors)} not noticed")
    return 1 if survivors or not tried else 0


sys.exit(main())
