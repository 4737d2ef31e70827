#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/categories.md's tables from the rule files.

    categories.py DOCUMENT.md RULES.yaml...          rewrites the generated part
    categories.py --check DOCUMENT.md RULES.yaml...  exit 1 when that would change it

What stands outside the two marks is written by people and left alone."""
import collections
import sys

import yaml

BEGIN = "<!-- generated from the rule files: begin -->"
END = "<!-- generated from the rule files: end -->"


def as_list(value):
    return value if isinstance(value, list) else [value]


def load(paths):
    rules = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            rules += yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return rules


def causes(rules):
    """category -> cause -> the types, retries and rules that have it."""
    table = collections.defaultdict(lambda: collections.defaultdict(list))
    for rule in rules:
        table[rule["labels"]["category"]][rule["labels"]["cause"]].append(rule)
    return table


def words(rules, label):
    return ", ".join(sorted({rule["labels"][label] for rule in rules}))


def count(by_cause):
    return sum(len(rules) for rules in by_cause.values())


def category_lines(category, by_cause):
    yield "### %s" % category
    yield ""
    yield "| cause | type | retry | rules |"
    yield "| --- | --- | --- | --- |"
    for cause, rules in sorted(by_cause.items()):
        ids = ", ".join("`%s`" % rule["id"] for rule in rules)
        yield "| `%s` | %s | %s | %s |" % (cause, words(rules, "type"), words(rules, "retry"), ids)
    yield ""


def generated(rules):
    yield "## Categories and their causes"
    yield ""
    yield "%d rules, %d causes." % (len(rules), len({rule["labels"]["cause"] for rule in rules}))
    yield ""
    by_category = causes(rules)
    yield "| category | causes | rules |"
    yield "| --- | ---: | ---: |"
    for category, by_cause in sorted(by_category.items()):
        yield "| [%s](#%s) | %d | %d |" % (category, category, len(by_cause), count(by_cause))
    yield ""
    for category, by_cause in sorted(by_category.items()):
        yield from category_lines(category, by_cause)


def main(arguments):
    check = arguments[0] == "--check"
    document, paths = (arguments[1], arguments[2:]) if check else (arguments[0], arguments[1:])
    with open(document, encoding="utf-8") as file:
        before = file.read()
    head, rest = before.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    after = "%s%s\n\n%s\n\n%s%s" % (head, BEGIN, "\n".join(generated(load(paths))), END, tail)
    if check:
        return 0 if after == before else "%s is not what the rule files say" % document
    with open(document, "w", encoding="utf-8") as file:
        file.write(after)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
