#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the rule files into the C tables that are linked into the program.

    builtin.py OUTPUT.c RULES.yaml...

The files are taken in the order given, which is the order that breaks ties. What a rule may hold is
checked when the catalogue is made, as for anybody's rules; here only what C could not express."""
import os
import sys

import yaml

MATCH_TEXTS = ("message_regex", "exception", "runtime", "platform_reason")
MATCH_KEYS = MATCH_TEXTS + ("exit_code", "signal", "evidence")
RULE_KEYS = {"id", "priority", "match", "labels", "rationale", "source", "verified", "tests"}
EXAMPLE_TEXTS = {"line": "head", "output": "head", "runtime": "runtime",
                 "platform_reason": "platform_reason"}
EXAMPLE_KEYS = set(EXAMPLE_TEXTS) | {"exit_code", "signal", "evidence", "exception"}
LABEL_KEYS = ("type", "category", "cause", "retry")


class RuleLoader(yaml.SafeLoader):
    """Loads YAML as plain values; every map knows the line it starts on."""

    def construct_mapping(self, node, deep=False):
        mapping = LinedMap(super().construct_mapping(node, deep=True))
        mapping.line = node.start_mark.line + 1
        return mapping

    def lined_map(self, node):
        return self.construct_mapping(node)


class LinedMap(dict):
    line = 0


RuleLoader.add_constructor("tag:yaml.org,2002:map", RuleLoader.lined_map)


def quote(text):
    """A struct fo_str holding the text."""
    data = text.encode()
    body = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else "\\%03o" % b for b in data)
    return '{"%s", %d}' % (body, len(data))


def as_list(value):
    return value if isinstance(value, list) else [value]


def signal_name(value):
    return value if str(value).startswith("SIG") or isinstance(value, int) else "SIG" + value


def evidence_bits(words):
    return " | ".join("CATALOGUE_" + word.upper() for word in words) or "0"


class Tables:
    """Writes the tables; inner arrays come out before what points at them."""

    def __init__(self):
        self.arrays = []

    def name(self, kind, items):
        """The name of a new array, which must not be empty."""
        name = "t%d" % len(self.arrays)
        self.arrays.append("static const %s %s[] = {%s};" % (kind, name, ", ".join(items)))
        return name

    def array(self, kind, items):
        """A struct of pointer and count."""
        return "{%s, %d}" % (self.name(kind, items), len(items)) if items else "{NULL, 0}"

    def match(self, match):
        fields = [".%s = %s" % (key, self.array("struct fo_str", [quote(t) for t in as_list(match[key])]))
                  for key in MATCH_TEXTS if key in match]
        codes = as_list(match.get("exit_code", []))
        numbers = [str(code) for code in codes if code != "nonzero"]
        fields.append(".exit_code = " + self.array("int", numbers))
        fields.append(".exit_nonzero = " + ("true" if "nonzero" in codes else "false"))
        signals = ["UINT64_C(1) << (%s - 1)" % signal_name(s) for s in as_list(match.get("signal", []))]
        fields.append(".signals = " + (" | ".join(signals) or "0"))
        fields.append(".evidence = " + evidence_bits(as_list(match.get("evidence", []))))
        return "{%s}" % ", ".join(fields)

    def example(self, example):
        fields = [".%s = %s" % (EXAMPLE_TEXTS[key], quote(example[key]))
                  for key in EXAMPLE_TEXTS if example.get(key)]
        if "exit_code" in example:
            fields.append(".exited = true, .exit_code = %d" % example["exit_code"])
        if "signal" in example:
            fields.append(".signal = %s" % signal_name(example["signal"]))
        if "exception" in example:
            names = [quote(name) for name in as_list(example["exception"])]
            fields.append(".exceptions = %s, .exception_count = %d"
                          % (self.name("struct fo_str", names), len(names)))
        fields.append(".evidence = " + evidence_bits(as_list(example.get("evidence", []))))
        return "{%s}" % ", ".join(fields)

    def examples(self, examples):
        return self.array("struct catalogue_input", [self.example(e) for e in as_list(examples)])

    def rule(self, rule, path):
        labels = rule["labels"]
        texts = [".%s = %s" % (key, quote(labels[key])) for key in LABEL_KEYS]
        flags = [".%s = %s" % (key, str(labels[key]).lower())
                 for key in ("secondary", "wrapper") if key in labels]
        tests = rule.get("tests", {})
        return ("    {.id = %s, .file = %s, .line = %d, .builtin = true, .priority = %d,\n     .match = %s,\n"
                "     .labels = {%s},\n     .positive = %s, .negative = %s},") % (
                    quote(rule["id"]), quote(os.path.basename(path)), rule.line, rule["priority"],
                    self.match(rule["match"]), ", ".join(texts + flags),
                    self.examples(tests.get("positive", [])),
                    self.examples(tests.get("negative", [])))


def refuse_unknown(path, where, keys, known):
    for key in set(keys) - set(known):
        sys.exit("%s:%d: unknown key `%s`" % (path, where.line, key))


def check_keys(path, rule):
    refuse_unknown(path, rule, rule, RULE_KEYS)
    refuse_unknown(path, rule, rule["match"], MATCH_KEYS)
    refuse_unknown(path, rule, rule["labels"], LABEL_KEYS + ("secondary", "wrapper"))
    refuse_unknown(path, rule, rule.get("tests", {}), ("positive", "negative"))
    for side in rule.get("tests", {}).values():
        for example in as_list(side):
            refuse_unknown(path, rule, example, EXAMPLE_KEYS)


def main(output, paths):
    tables = Tables()
    rules = []
    causes = set()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            document = yaml.load(file, Loader=RuleLoader)
        for rule in document["rules"] if isinstance(document, dict) else document:
            check_keys(path, rule)
            causes.add(rule["labels"]["cause"])
            rules.append(tables.rule(rule, path))
    ordered = sorted(causes, key=lambda cause: cause.encode())
    with open(output, "w", encoding="ascii") as file:
        file.write("/* Made by builtin.py from the rule files. */\n#include <signal.h>\n\n"
                   '#include "listeners/catalogue/rule.h"\n\n')
        file.write("\n".join(tables.arrays))
        file.write("\n\nconst struct catalogue_rule catalogue_builtin_rules[] = {\n%s\n};\n"
                   "const size_t catalogue_builtin_rule_count = %d;\n"
                   "const struct fo_str catalogue_builtin_causes[] = {%s};\n"
                   "const size_t catalogue_builtin_cause_count = %d;\n" % (
                       "\n".join(rules), len(rules), ",\n    ".join(map(quote, ordered)),
                       len(ordered)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
