#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds docs/ against the program: check_docs.py PROGRAM DOCS_DIR [--write]

configuration.md: the flags are those that the program's help lists; --write puts them there.
migrating.md: the example is a good configuration; keys that are said to mean the same are settings of
the reference, those that are said to have no meaning are taken with a notice.
README.md and every page: families of metrics, commands, their flags, files and links exist.
Exit 1 with one line per problem."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

BEGIN, END = "<!-- flags of serve: begin -->\n", "<!-- flags of serve: end -->"


def flags(program):
    """The flags of serve as a table."""
    text = subprocess.run([program, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^  (-\S+) +(\S.*)$", text, re.MULTILINE)
    lines = [f"| `{flag}` | {meaning.rstrip('.')} |\n" for flag, meaning in rows]
    return "".join(["| flag | meaning |\n", "| --- | --- |\n", *lines])


def section(text, title):
    """The text below a heading, up to the next one."""
    return text.split(f"# {title}\n", 1)[1].split("\n#", 1)[0]


def names(text):
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def check_config(program, text):
    """(whether it is good, what the program says) of a configuration."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        run = subprocess.run([program, "check", "config", file.name], capture_output=True, text=True, check=False)
    return run.returncode == 0, run.stdout + run.stderr


def check_flags(program, page):
    if page.split(BEGIN)[1].split(END)[0] != flags(program):
        yield "configuration.md: the flags of serve have changed: run tests/packaging/check_docs.py PROGRAM docs --write"


def first_columns(table):
    return "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|"))


def check_migrating(program, page, reference):
    good, said = check_config(program, re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    if not good:
        yield f"migrating.md: the example is not good: {said}"
    settings = set(names(first_columns(reference)))
    for key in names(first_columns(section(page, "Keys that mean the same"))):
        if key not in settings:
            yield f"migrating.md: {key} is no setting of the reference"
    without = section(page, "Keys without a meaning")
    keys = set(names(without.split("| Flink")[0] + first_columns(without)))
    good, said = check_config(program, "".join(f"{key.replace('*', 'a')}: 1\n" for key in keys))
    if not good or said.count("has no meaning here") != len(keys):
        yield f"migrating.md: not all keys without a meaning are taken with a notice: {said}"


def check_families(page, families):
    programs = {"failover_exporter", "failover_spawn", "failover_listener_host"}
    sample = re.compile(r"(_bucket|_sum|_count|_created)$")
    for name in set(re.findall(r"\b(?:failover_[a-z_]*[a-z]|numJobFailure_total)\b(?![*/.][a-z*])", page)) - programs:
        if not families & {name, name + "_total", name + "_info", sample.sub("", name)}:
            yield f"no family {name}"


def check_commands(page, commands):
    for command, rest in re.findall(r"\bfailover_exporter +([a-z]+)\b([^\n`|#]*)", page):
        if command not in commands:
            yield f"no command {command}"
            continue
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z.-]*[a-z]", rest):
            if flag not in commands[command]:
                yield f"{command} has no flag {flag}"


def check_files(page, folder, root):
    for link in re.findall(r"\]\(([^)#\s]+)", page):
        if not link.startswith("http") and not (folder / link).exists():
            yield f"leads to {link}, which is not there"
    for path in re.findall(r"`((?:bench|cmake|dashboards|docker|docs|examples|exporter|fuzz|scripts|tests)/[\w./-]+)`", page):
        if not (root / path).exists():
            yield f"names {path}, which is not there"


def help_of(program, *command):
    return subprocess.run([program, "help", *command], capture_output=True, text=True, check=True).stdout


def check_names(program, root, families):
    """What each page names is there. metrics.md is made by the program."""
    names_of = re.compile(r"^  (--?[a-z][a-z.-]*)", re.MULTILINE)
    commands = {
        name: set(names_of.findall(help_of(program, name)))
        for name in re.findall(r"^  ([a-z]+) ", help_of(program), re.MULTILINE)
    }
    for path in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        page = path.read_text(encoding="utf-8")
        problems = [*check_commands(page, commands), *check_files(page, path.parent, root)]
        if path.name != "metrics.md":
            problems += check_families(page, families)
        yield from (f"{path.name}: {problem}" for problem in problems)


def main():
    program, docs = sys.argv[1], pathlib.Path(sys.argv[2])
    path = docs / "configuration.md"
    page = path.read_text(encoding="utf-8")
    if "--write" in sys.argv:
        head, rest = page.split(BEGIN)
        path.write_text(head + BEGIN + flags(program) + END + rest.split(END)[1], encoding="utf-8")
        return
    manifest = json.loads((docs.parent / "metrics.json").read_text(encoding="utf-8"))
    families = {family["name"] for family in manifest["families"]}
    migrating = (docs / "migrating.md").read_text(encoding="utf-8")
    problems = [
        *check_flags(program, page),
        *check_migrating(program, migrating, page),
        *check_names(program, docs.parent, families),
    ]
    print(*problems, sep="\n")
    print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
