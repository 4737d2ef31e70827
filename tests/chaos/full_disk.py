# SPDX-License-Identifier: Apache-2.0
"""Fills a real disk, a small tmpfs, under the load of chaos.py, again and again, and kills the daemon on it.

    full_disk.py [--cycles N] [--seed S]

While it is full all is shown and nothing is lost; when there is room again it goes on by itself. One that is killed
then starts on the full disk, or says why it does not, and in any case when there is room. Needs a mount of its own,
which goes with this program.
"""
import argparse
import contextlib
import http.client
import os
import shutil
import subprocess
import sys
import time

from chaos import Chaos, options_of, require, show, wait_for

DISK_BYTES = 32 << 20
OWN_MOUNTS = "CHAOS_OWN_MOUNTS"  # set: we have them


class FullDisk(Chaos):
    def __init__(self, seed):
        super().__init__(seed)
        self.disk = self.path("disk")
        self.storage = os.path.join(self.disk, "storage")
        self.filler = os.path.join(self.disk, "filler")
        self.counts = dict.fromkeys(("down", "killed", "started_full", "refused_full"), 0)
        os.mkdir(self.disk, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "tmpfs", self.disk], check=True)

    def fill(self):
        with contextlib.suppress(OSError), open(self.filler, "ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass

    def is_up(self):
        return self.total(self.look(), "failover_store_up") == 1

    def stay_full(self):
        """Until the store has noticed, which it does when its log has to grow."""
        end = time.monotonic() + self.random.random() * 3
        while self.is_up() and time.monotonic() < end:
            self.fill()
            time.sleep(0.01)
        self.counts["down"] += not self.is_up()

    def heal(self):
        os.unlink(self.filler)
        wait_for(self.is_up, what="the store to be up again")
        acknowledged = self.acknowledged
        wait_for(lambda: self.acknowledged > acknowledged + 3, what="reports to be taken again")

    def cycle(self):
        kill = self.random.random() < 0.5
        require(self.start(), "it does not start")
        with self.loaded():
            self.look()
            time.sleep(self.random.random() * 0.2)
            self.fill()
            self.stay_full()
            if not kill:
                self.heal()
        if kill:
            self.counts["killed"] += 1
            self.start_on_full_disk()
            os.unlink(self.filler)

    def start_on_full_disk(self):
        self.fill()
        if self.start():
            self.counts["started_full"] += 1
            with self.loaded(), contextlib.suppress(OSError, http.client.HTTPException):
                self.look()
        else:
            self.counts["refused_full"] += 1
            require(self.process.returncode == 1, f"it ended with {self.process.returncode}")
            self.died()

    def run(self, cycles):
        try:
            self.run_cycles(cycles)
        except Exception:
            shutil.copytree(self.storage, self.path("storage"), ignore=shutil.ignore_patterns("*.sock"))
            raise  # the disk goes with us, what was on it is kept
        subprocess.run(["umount", "-l", self.disk], check=True)

    def run_cycles(self, cycles):
        for _ in range(cycles):
            self.cycle()
            self.check_copies()
            names = self.check_store()
        self.check_model(names)
        print(f"{cycles} cycles on a full disk, {sum(names.values())} failures, {self.acknowledged} acknowledged:",
              " ".join(f"{what}={count}" for what, count in self.counts.items()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=2)
    options = options_of(parser)
    if OWN_MOUNTS not in os.environ:
        may = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False,
                             capture_output=True, text=True)
        if may.returncode != 0:
            print(f"SKIP: no tmpfs can be mounted here: {may.stderr.strip()}")
            return
        os.environ[OWN_MOUNTS] = "yes"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, "-B", *sys.argv])
    chaos = FullDisk(options.seed)
    show(chaos, chaos.run, options.cycles)


if __name__ == "__main__":
    main()
