# SPDX-License-Identifier: Apache-2.0
"""Reading the rule files and their unit tests."""

import yaml


def load(directory):
    """The rules of all rule files of a directory."""
    rules = []
    for path in sorted(directory.glob("*.rules.yml")):
        groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        rules += [
            {**rule, "file": path, "group": group["name"]}
            for group in groups
            for rule in group["rules"]
        ]
    return rules


def recorded(rules):
    """The names of the recording rules."""
    return {rule["record"] for rule in rules if "record" in rule}


def alerts(rules):
    return [rule for rule in rules if "alert" in rule]


def tests(directory):
    """(path, content) of each unit test file."""
    return [
        (path, yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(directory.glob("*.test.yml"))
    ]
