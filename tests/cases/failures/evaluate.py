#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judges the failures of this folder by the built-in rules and says how often the verdict is right.

Each line of *.ndjson is one failure as strangers reported it: the input of `classify --ndjson`, what
it should be called (`expect`: one type, the acceptable categories) and where it was seen. Those under
held_out/ were set aside by chance before any rule was written for the others.

Two judges: the program (`--program failover_exporter`, through `classify --ndjson`), and without it a
slow and obvious model of the rules' meaning in this file. `--compare` asks both and lists where they
differ. `--examples` checks instead that every rule decides its own positive examples and leaves its
negative ones alone.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
RULES = HERE.parents[2] / "listeners" / "catalogue" / "rules"
WEAK = {"exit_code", "signal", "runtime"}  # a rule on these alone is asked last
SIGNALS = {1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL",
           10: "USR1", 11: "SEGV", 12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 24: "XCPU", 25: "XFSZ", 31: "SYS"}
CLASS = re.compile(r"(?:^|[^A-Za-z0-9_.$])((?:[A-Za-z_$][A-Za-z0-9_$]*\.)*[A-Z][A-Za-z0-9_$]*)(?=$|[^A-Za-z0-9_.$]|\.[^A-Za-z])")
RUNTIMES = [("jvm", r"^\s+at [A-Za-z0-9_.$]+\(.*\)|^Caused by: |^Exception in thread "), ("python", r"^Traceback \(most recent call last\)"),
            ("go", r"^goroutine [0-9]+ \[|^panic: "), ("rust", r"^thread '.*' .*panicked at "), ("node", r"^Node\.js v[0-9]")]


def as_list(value):
    return value if isinstance(value, list) else [value]


class Rule:
    def __init__(self, source, order):
        self.id, self.priority, self.labels = source["id"], source["priority"], source["labels"]
        self.match, self.tests, self.order = source["match"], source.get("tests", {}), order
        self.patterns = [re.compile(p, re.MULTILINE) for p in as_list(self.match.get("message_regex", []))]
        self.weak = set(self.match) <= WEAK

    def text_position(self, case):
        """Offset behind the newest match of any expression, None when there is none."""
        patterns = [p for p in self.patterns if p.search(case.text)]  # what matches a line matches the text
        for start, line in reversed(case.lines if patterns else []):
            ends = [m.end() for p in patterns for m in p.finditer(line)]
            if ends:
                return start + max(ends)
        return None

    def exception_position(self, classes):
        best = None
        for position, name in classes:
            if any(name == want or name.endswith(("." + want, "$" + want)) for want in as_list(self.match["exception"])):
                best = position
        return best

    def position(self, case):
        """How new the match is, None when a key does not hold. Facts are newer than any text."""
        newest = -1
        for key, want in self.match.items():
            if key == "message_regex":
                found = self.text_position(case)
            elif key == "exception":
                found = self.exception_position(case.classes)
            elif key == "exit_code":
                wanted = as_list(want)
                found = case.fact(case.exit_code in wanted or ("nonzero" in wanted and case.exit_code not in (None, 0)))
            elif key == "evidence":
                found = case.fact(bool(set(as_list(want)) & set(case.evidence)))
            else:
                found = case.fact(getattr(case, key) in as_list(want))
            if found is None:
                return None
            if key != "runtime":
                newest = max(newest, found)
        return newest


class Case:
    def __init__(self, source):
        output = source.get("output", source.get("line", "")) or ""
        self.lines, start = [], 0
        for line in output.split("\n"):
            self.lines.append((start, line.rstrip("\r")))
            start += len(line) + 1
        self.end = start
        self.text = "\n".join(line for _, line in self.lines)
        self.exit_code = source.get("exit_code")
        signal = source.get("signal")
        self.signal = "SIG" + SIGNALS.get(signal, "?") if isinstance(signal, int) else signal
        self.platform_reason = source.get("platform_reason")
        self.evidence = source.get("evidence") or []
        self.classes = [(start + m.end(), m.group(1)) for start, line in self.lines for m in CLASS.finditer(line)]
        for text in as_list(source.get("exception") or []):
            self.classes += [(self.end, m.group(1)) for m in CLASS.finditer(text)]
        self.runtime = source.get("runtime") or next(
            (name for name, pattern in RUNTIMES if re.search(pattern, output, re.MULTILINE)), None)

    def fact(self, holds):
        return self.end + 1 if holds else None


def load_rules():
    rules = []
    for path in sorted(RULES.glob("*.yaml")):
        tree = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        rules += [Rule(source, len(rules) + i) for i, source in enumerate(tree)]
    return rules


def matching(rules, source):
    """The rules that match, the deciding one first."""
    case = Case(source)
    found = [(not r.weak, r.priority, p, -r.order, r) for r in rules if (p := r.position(case)) is not None]
    return [entry[-1] for entry in sorted(found, key=lambda entry: entry[:-1], reverse=True)]


def judge_by_model(rules, cases):
    verdicts = {}
    for case in cases:
        found = matching(rules, case)
        labels = found[0].labels if found else {"type": "UNKNOWN", "category": "unknown", "cause": "unknown"}
        verdicts[case["id"]] = {"labels": labels, "rule": found[0].id if found else None}
    return verdicts


def judge_by_program(program, cases):
    fields = ("id", "output", "exit_code", "signal", "runtime", "platform_reason", "exception", "evidence")
    text = "".join(json.dumps({k: c[k] for k in fields if k in c}) + "\n" for c in cases)
    run = subprocess.run([*program, "classify", "--ndjson"], input=text, capture_output=True, text=True, check=True)
    return {v["id"]: v for v in map(json.loads, run.stdout.splitlines())}


def score(cases, verdicts):
    right_type = right_category = unknown = needless = wrong_and_sure = 0
    misses = []
    for case in cases:
        labels, expect = verdicts[case["id"]]["labels"], case["expect"]
        type_ok, category_ok = labels["type"] == expect["type"], labels["category"] in expect["category"]
        right_type += type_ok
        right_category += category_ok
        unknown += labels["category"] == "unknown"
        needless += labels["category"] == "unknown" and not category_ok
        wrong_and_sure += labels["category"] != "unknown" and labels["type"] != "UNKNOWN" and not (type_ok and category_ok)
        if not (type_ok and category_ok):
            misses.append((case, verdicts[case["id"]]))
    share = lambda n: 100.0 * n / max(len(cases), 1)
    return {"cases": len(cases), "type": share(right_type), "category": share(right_category),
            "unknown": share(unknown), "needless": share(needless), "wrong_and_sure": share(wrong_and_sure)}, misses


def read_cases(folder):
    return [json.loads(line) for path in sorted(folder.glob("*.ndjson")) for line in path.read_text().splitlines()]


def check_examples(rules):
    findings = 0
    for rule in rules:
        for polarity in ("positive", "negative"):
            for example in as_list(rule.tests.get(polarity, [])):
                found = matching(rules, example)
                good = (found[:1] == [rule]) if polarity == "positive" else (rule not in found)
                if not good:
                    findings += 1
                    print(f"{rule.id}: {polarity} example decided by {found[0].id if found else None}: {example}")
        if not rule.tests.get("positive") or not rule.tests.get("negative"):
            findings += 1
            print(f"{rule.id}: lacks a positive or a negative example")
    return findings


def compare(cases, one, other):
    differing = [c["id"] for c in cases if one[c["id"]]["rule"] != other[c["id"]]["rule"]]
    for name in differing:
        print(f"differs: {name}: model {one[name]['rule']}, program {other[name]['rule']}")
    return len(differing)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", nargs="+", help="judge through this program's classify --ndjson")
    parser.add_argument("--compare", action="store_true", help="list where program and model differ")
    parser.add_argument("--examples", action="store_true", help="check the rules' own examples")
    parser.add_argument("--misses", action="store_true", help="show the development cases judged wrongly")
    parser.add_argument("--floor", nargs=4, type=float, metavar=("TYPE", "CATEGORY", "NEEDLESS", "WRONG"),
                        help="fail when all cases together are worse than these shares in percent")
    options = parser.parse_args()
    rules = load_rules()
    if options.examples:
        return 1 if check_examples(rules) else 0
    parts = {"development": read_cases(HERE), "held_out": read_cases(HERE / "held_out")}
    parts["all"] = parts["development"] + parts["held_out"]
    model = judge_by_model(rules, parts["all"]) if options.compare or not options.program else {}
    verdicts = judge_by_program(options.program, parts["all"]) if options.program else model
    for name, cases in parts.items():
        figures, misses = score(cases, verdicts)
        print(name, " ".join(f"{key} {value:.1f}" if key != "cases" else f"{key} {value}" for key, value in figures.items()))
        if options.misses and name == "development":
            for case, verdict in misses:
                print(json.dumps({"id": case["id"], "expect": case["expect"], **verdict}))
    status = 1 if options.compare and compare(parts["all"], model, verdicts) else 0
    if options.floor:
        type_, category, needless, wrong = options.floor
        if figures["type"] < type_ or figures["category"] < category or figures["needless"] > needless or figures["wrong_and_sure"] > wrong:
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
