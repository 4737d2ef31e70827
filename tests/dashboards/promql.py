# SPDX-License-Identifier: Apache-2.0
"""Enough PromQL to see which series an expression reads, with which labels and inside which calls.

Whether an expression is valid PromQL is promtool's to say; this only takes valid ones apart."""

import dataclasses
import re

TOKEN = re.compile(
    r"""
      (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<number>\d[\w.]*)
    | (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
    | (?P<variable>\$\{?\w+\}?)
    | (?P<op>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}\[\],@:])
    | (?P<space>\s+|\#[^\n]*)
    """,
    re.VERBOSE,
)
LABEL_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = {"and", "or", "unless", "atan2", "bool", "offset", "start", "end"}
NUMBERS = {"inf", "nan"}


@dataclasses.dataclass
class Selector:
    """One series selector: its name, label matchers, range (or None), and the calls around it."""

    name: str
    matchers: dict
    range: str | None
    calls: tuple


@dataclasses.dataclass
class Expression:
    """What an expression reads, and the labels that its grouping clauses name."""

    selectors: list
    grouping: set


def tokens(text):
    """The text as (kind, text) pairs. ValueError where it is not PromQL at all."""
    made, position = [], 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise ValueError(f"not PromQL from {text[position:position + 20]!r}")
        if match.lastgroup != "space":
            made.append((match.lastgroup, match.group()))
        position = match.end()
    return made


def read_list(stream, index):
    """The names of a label list `(a, b)` that starts at `index`, and the index after it."""
    names = set()
    while stream[index][1] != ")":
        if stream[index][0] == "name":
            names.add(stream[index][1])
        index += 1
    return names, index + 1


def read_matchers(stream, index):
    """The matchers `{a="b", ...}` from the brace at `index`: label to (operator, value)."""
    matchers = {}
    index += 1
    while stream[index][1] != "}":
        if stream[index][1] == ",":
            index += 1
            continue
        (_, label), (_, operator), (_, value) = stream[index : index + 3]
        matchers[label] = (operator, value[1:-1])
        index += 3
    return matchers, index + 1


def read_selector(stream, index, calls):
    """The selector whose name stands at `index`, and the index after it."""
    name, matchers, span = stream[index][1], {}, None
    index += 1
    if index < len(stream) and stream[index][1] == "{":
        matchers, index = read_matchers(stream, index)
    if index < len(stream) and stream[index][1] == "[":
        end = next(i for i in range(index, len(stream)) if stream[i][1] == "]")
        span = "".join(text for _, text in stream[index + 1 : end])
        index = end + 1
    return Selector(name, matchers, span, tuple(calls)), index


def parse(text):
    """Takes an expression apart."""
    stream = tokens(text)
    found = Expression([], set())
    calls, pending, index = [], "", 0
    while index < len(stream):
        kind, word = stream[index]
        following = stream[index + 1][1] if index + 1 < len(stream) else ""
        if kind == "name" and word in LABEL_LISTS and following == "(":
            names, index = read_list(stream, index + 2)
            found.grouping |= names
            continue
        if kind == "name" and (following == "(" or following in LABEL_LISTS) and word not in WORDS:
            pending = word  # a call, or an aggregation whose clause comes first
        elif kind == "name" and word.lower() not in WORDS | LABEL_LISTS | NUMBERS:
            selector, index = read_selector(stream, index, calls)
            found.selectors.append(selector)
            continue
        elif word == "(":
            calls.append(pending)
            pending = ""
        elif word == ")":
            calls.pop()
        index += 1
    return found
