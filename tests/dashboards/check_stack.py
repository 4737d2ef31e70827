#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks docker/: check_stack.py DOCKER_DIR

Each service is hardened, pinned, bounded, healthy by a check of its own and reachable from this
machine only; the files that it mounts exist; Prometheus and Alertmanager accept their files.
Exit 1 with one line per problem."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

# What Prometheus 3 knows and promtool 2 refuses.
ONLY_IN_3 = {"scrape_native_histograms", "always_scrape_classic_histograms"}


def check_service(service, directory):
    # Flink's image writes its configuration into itself.
    wanted = {"read_only": not service.get("image", "").startswith("flink:"), "cap_drop": ["ALL"], "restart": "unless-stopped",
              "security_opt": ["no-new-privileges:true"]}  # fmt: skip
    for key, value in wanted.items():
        if service.get(key) != value:
            yield f"{key} is not {value}"
    for key in ("mem_limit", "pids_limit", "healthcheck", "networks", "logging"):
        if key not in service:
            yield f"has no {key}"
    if not re.search(r":[^:/@]*\d", service.get("image", "")):
        yield "the image has no version"
    if "build" not in service and not re.fullmatch(r"[1-9]\d*:[1-9]\d*", service.get("user", "")):
        yield "does not say under which user, by number, it runs"
    for port in service.get("ports", []):
        if not port.startswith("127.0.0.1:"):
            yield f"port {port} is not bound to loopback"
    for volume in service.get("volumes", []):
        source, _, rest = volume.partition(":")
        if not source.startswith("."):
            continue
        if not rest.endswith(":ro"):
            yield f"{source} is not mounted read-only"
        if not (directory / source).exists():
            yield f"{source} does not exist"


def check_compose(directory, file):
    compose = yaml.safe_load((directory / file).read_text(encoding="utf-8"))
    if "version" in compose:
        yield f"{file}: has a key `version`"
    for name, service in compose["services"].items():
        for message in check_service(service, directory):
            yield f"{name}: {message}"
    if shutil.which("docker-compose"):
        command = ["docker-compose", "-f", directory / file, "config", "-q"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            yield f"docker-compose config: {run.stderr.strip()}"
    else:
        print("SKIPPED: docker-compose config (docker-compose is not installed)")


def check_prometheus(path):
    """promtool reads the file with the rules at their place here and without what it cannot know."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    for job in config["scrape_configs"]:
        for key in ONLY_IN_3 & job.keys():
            del job[key]
    rules = (path.parent.parent.parent / "dashboards/prometheus").resolve()
    config["rule_files"] = [
        text.replace("/etc/failover_rules", str(rules)) for text in config["rule_files"]
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
        yaml.safe_dump(config, file)
        file.flush()
        run = subprocess.run(["promtool", "check", "config", "--lint=all", "--lint-fatal", file.name],
                             capture_output=True, text=True, check=False)  # fmt: skip
    if run.returncode:
        yield f"promtool check config: {run.stdout}{run.stderr}"
    if "rules found" not in run.stdout:
        yield f"{path}: loads no rules"


def check_alertmanager(directory):
    path = directory / "alertmanager/alertmanager.yml"
    run = subprocess.run(
        ["amtool", "check-config", path], capture_output=True, text=True, check=False
    )
    if run.returncode:
        yield f"amtool check-config: {run.stdout}{run.stderr}"


def main():
    directory = pathlib.Path(sys.argv[1])
    problems = [
        *check_compose(directory, "compose.yaml"),
        *check_compose(directory, "compose.flink.yaml"),
        *check_prometheus(directory / "prometheus/prometheus.yml"),
        *check_prometheus(directory / "flink/prometheus.yml"),
        *check_alertmanager(directory),
    ]
    print(*problems, sep="\n")
    print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
