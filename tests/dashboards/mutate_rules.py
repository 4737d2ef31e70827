#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that the unit tests of the alerts can fail: mutate_rules.py RULES_DIR

Each threshold of each alert is moved up and down a little, each alert is made deaf, and each is made
to fire at once. The tests of that alert must notice every one of these changes. Exit 1 with one line
per change that nobody noticed."""

import pathlib
import re
import subprocess
import sys
import tempfile

import rulefiles
import yaml

THRESHOLD = re.compile(r"(>=|<=|==|>|<) (-?\d+(?:\.\d+)?)(?= *(?:$|\n|\)|and|or|unless))")


def nudged(operator, number):
    """Other thresholds that a test at the edge tells from this one."""
    if operator == "==":
        return [f"!= {number}"]
    value = float(number)
    step = 1 if value == int(value) and value else abs(value) * 0.2
    if not value:
        return [f"{operator} 1e9", f"{operator}= 0"]
    return [f"{operator} {value + step:g}", f"{operator} {value - step:g}"]


def mutants(rule):
    """(what was done, the alert after it)."""
    expr = rule["expr"]
    yield "never fires", {**rule, "expr": f"({expr}) unless ({expr})"}
    yield "fires at once", {**rule, "for": "0s"}
    for match in THRESHOLD.finditer(expr):
        for other in nudged(match[1], match[2]):
            changed = expr[: match.start()] + other + expr[match.end() :]
            yield f"{match[0]} becomes {other}", {**rule, "expr": changed}


def write_case(directory, changed, tests, files):
    """The tests that speak of an alert, with the alert changed to this and no other alerts than those that
    they speak of. Returns the paths of the tests."""
    directory.mkdir()
    written, spoken_of = [], ""
    for path, content in tests:
        mine = [test for test in content["tests"] if changed["alert"] in yaml.safe_dump(test)]
        if mine:
            text = yaml.safe_dump({**content, "tests": mine})
            (directory / path.name).write_text(text, encoding="utf-8")
            written.append(directory / path.name)
            spoken_of += text
    for path, content in files.items():
        groups = [
            {**group, "rules": [
                changed if one.get("alert") == changed["alert"] else one
                for one in group["rules"] if one.get("alert", "") in spoken_of
            ]}
            for group in content["groups"]
        ]  # fmt: skip
        (directory / path.name).write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    return written


def failing(paths):
    """Which of these tests fail. One promtool for all: it takes longer to start than to test."""
    run = subprocess.run(["promtool", "test", "rules", *paths], capture_output=True, text=True, check=False)
    output = run.stdout + run.stderr
    if "parse error" in output:
        sys.exit(f"a changed expression is no PromQL: {output[-4000:]}")
    # SUCCESS stands below the name on standard output, the other outcome in the other stream.
    outcomes = re.findall(r"^Unit Testing:  (\S+)\n(  SUCCESS)?", run.stdout, re.MULTILINE)
    if len(outcomes) != len(paths):
        sys.exit(f"promtool told of {len(outcomes)} tests, not of {len(paths)}: {output[-4000:]}")
    return {pathlib.Path(path) for path, success in outcomes if not success}


def main():
    source = pathlib.Path(sys.argv[1])
    tests = rulefiles.tests(source)
    files = {
        path: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted(source.glob("*.rules.yml"))
    }
    alerts = [
        rule
        for content in files.values()
        for group in content["groups"]
        for rule in rulefiles.alerts(group["rules"])
    ]
    with tempfile.TemporaryDirectory() as scratch:
        cases = []  # (alert, what was done to it, the tests that must notice)
        for rule in alerts:
            for what, changed in [("nothing", rule), *mutants(rule)]:
                directory = pathlib.Path(scratch) / str(len(cases))
                cases.append((rule["alert"], what, write_case(directory, changed, tests, files)))
        noticed = failing([path for _, _, paths in cases for path in paths])
    wrong = [
        f"{alert}: its tests fail as it is" if what == "nothing" else f"{alert}: nobody noticed: {what}"
        for alert, what, paths in cases
        if noticed.isdisjoint(paths) == (what != "nothing")
    ]
    print(*wrong, sep="\n")
    print(f"{len(cases) - len(alerts)} changes, {len(wrong)} wrong")
    sys.exit(1 if wrong or len(cases) == len(alerts) else 0)


if __name__ == "__main__":
    main()
