#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that the unit tests of the alerts can fail: mutate_rules.py RULES_DIR

Each threshold of each alert is moved up and down a little, each alert is made deaf, and each is made
to fire at once. The tests of that alert must notice every one of these changes. Exit 1 with one line per change that nobody
noticed."""

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


def write_case(directory, rule, tests):
    """The rule files and only those tests that speak of the alert."""
    for path, content in tests:
        mine = [test for test in content["tests"] if rule["alert"] in yaml.safe_dump(test)]
        if mine:
            text = yaml.safe_dump({**content, "tests": mine})
            (directory / path.name).write_text(text, encoding="utf-8")
            yield path.name


def notice(directory, names, changed, files):
    """Whether the tests fail when an alert is changed to this."""
    for path, content in files.items():
        groups = [
            {**group, "rules": [
                changed if one.get("alert") == changed["alert"] else one for one in group["rules"]
            ]}
            for group in content["groups"]
        ]  # fmt: skip
        (directory / path.name).write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    run = subprocess.run(["promtool", "test", "rules", *names], cwd=directory, capture_output=True,
                         text=True, check=False)  # fmt: skip
    if "parse error" in run.stderr + run.stdout:
        sys.exit(f"{changed['alert']}: the changed expression is no PromQL: {changed['expr']}")
    return run.returncode != 0


def main():
    source = pathlib.Path(sys.argv[1])
    tests = rulefiles.tests(source)
    files = {
        path: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted(source.glob("*.rules.yml"))
    }
    survivors, count = [], 0
    alerts = [
        rule
        for content in files.values()
        for group in content["groups"]
        for rule in rulefiles.alerts(group["rules"])
    ]
    for rule in alerts:
        with tempfile.TemporaryDirectory() as scratch:
            directory = pathlib.Path(scratch)
            names = list(write_case(directory, rule, tests))
            if notice(directory, names, rule, files):
                sys.exit(f"{rule['alert']}: its tests fail as it is")
            for what, changed in mutants(rule):
                count += 1
                if not notice(directory, names, changed, files):
                    survivors.append(f"{rule['alert']}: nobody noticed: {what}")
    print(*survivors, sep="\n")
    print(f"{count} changes, {len(survivors)} not noticed")
    sys.exit(1 if survivors or not count else 0)


if __name__ == "__main__":
    main()
