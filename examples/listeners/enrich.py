#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A listener in Python, standard library only: which team owns the job that failed.

Configuration: {"teams": {"PREFIX OF JOB NAMES": "TEAM"}}. One label, `team`.
"""
import json
import sys


def say(message):
    print(json.dumps(message), flush=True)


def main():
    teams = json.loads(sys.stdin.readline())["config"].get("teams", {})
    say({"name": "enrich", "version": "1.0", "output_keys": ["team"], "events": ["failure"]})
    for line in sys.stdin:
        failure = json.loads(line)
        team = next((team for prefix, team in teams.items()
                     if failure.get("job_name", "").startswith(prefix)), "nobody")
        say({"completion": failure["completion"], "labels": {"team": team}})


if __name__ == "__main__":
    main()
