# SPDX-License-Identifier: Apache-2.0
"""The spawner as a service of its own: systemd's own program hands it a connection, as the shipped units
have it. Whoever dies, whatever was started dies, and no two copies of a task ever run."""
import os
import pwd
import shutil
import subprocess
import unittest

from harness import PROGRAM, Case, alive, main, marked_processes, wait_for

SPAWNER = os.path.join(os.path.dirname(PROGRAM), "failover_spawn")
# Leaves a process in a session of its own, and both hold a lock: an attempt that does not get it runs
# beside one before it.
TASK = """
exec 9> {folder}/lock
flock -n 9 || echo "beside another" >> {folder}/wrong
(setsid sleep {mark} &)
echo begun >> {folder}/begun
exec sleep {mark}
"""


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


@unittest.skipUnless(shutil.which("systemd-socket-activate"), "SKIP: systemd-socket-activate is not installed")
class SpawnerSocket(Case):
    def listen(self, **options):
        """systemd's part: listens, and starts a spawner for each who connects."""
        self.socket = self.path("spawner.sock")
        log = open(self.path("activate.log"), "w", encoding="utf-8")
        self.activate = subprocess.Popen(
            ["systemd-socket-activate", "--seqpacket", "--accept", f"--listen={self.socket}",
             os.path.abspath(SPAWNER), "--activated"], stdout=log, stderr=log, start_new_session=True, **options)
        log.close()
        self.addCleanup(self.activate.wait)
        self.addCleanup(self.activate.kill)
        wait_for(lambda: os.path.exists(self.socket), what="the socket")

    def start(self):
        self.listen()
        self.mark = str(700000 + os.getpid())
        script = self.write("task.sh", TASK.format(folder=self.folder, mark=self.mark))
        job = self.write("job.yaml", f"""
name: locked
configuration: {{restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 100,
                restart-strategy.fixed-delay.delay: 1 ms}}
vertices: [{{id: a, command: [sh, {script}]}}]
""")
        self.server = self.daemon(f"--spawner.socket={self.socket}", job)
        self.await_attempts(1)
        (self.keeper,) = wait_for(lambda: children(self.activate.pid), what="the keeper")
        (self.spawner,) = children(self.keeper)

    def running(self):
        return [pid for pid in marked_processes(f"sleep\0{self.mark}") if alive(pid)]

    def await_attempts(self, count):
        """The last of so many attempts runs, and left its process behind."""
        wait_for(lambda: self.read("begun").count("begun") >= count and len(self.running()) == 2,
                 what=f"{count} attempts: " + self.read("begun") + self.read("activate.log"))

    def assert_nothing_left(self):
        wait_for(lambda: not self.running() and not children(self.activate.pid), what="everything to die")
        self.assertEqual(self.read("wrong"), "")

    def assert_replaced(self):
        """Everything of the dead one is gone before anything of the next begins."""
        self.await_attempts(2)
        self.assertEqual(self.read("wrong"), "")
        self.assertNotIn(self.spawner, children(children(self.activate.pid)[0]))
        self.assertIn("The spawner died", self.server.log_text())

    def test_stop(self):
        self.start()
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.running(), [])
        self.assert_nothing_left()

    def test_daemon_killed(self):
        self.start()
        self.kill(self.server.process.pid)
        self.assert_nothing_left()

    def test_spawner_killed(self):
        self.start()
        self.kill(self.spawner)
        self.assert_replaced()

    def test_keeper_killed(self):
        self.start()
        self.kill(self.keeper)
        self.assert_replaced()

    def test_killed_again_and_again(self):
        self.start()
        for attempts in range(2, 12):
            self.kill(children(children(self.activate.pid)[0])[0])
            self.await_attempts(attempts)
        self.assertEqual(self.read("wrong"), "")

    def test_spawner_and_daemon_killed(self):
        self.start()
        self.kill(self.spawner)
        self.kill(self.server.process.pid)
        self.assert_nothing_left()

    def refused(self):
        """What the daemon says that does not start."""
        answer = self.run_program("serve", "--web.listen-address=127.0.0.1:0", f"--spawner.socket={self.socket}",
                                  f"--storage.path={self.path('storage')}")
        self.assertEqual(answer.returncode, 1, answer.stderr)
        return answer.stderr

    def test_nobody_there(self):
        self.socket = self.path("nobody.sock")
        self.assertRegex(self.refused(), "cannot reach the spawner /.*/nobody.sock: no such file")

    @unittest.skipUnless(os.geteuid() == 0, "SKIP: only root can be two users")
    def test_strangers(self):
        """Neither end takes a stranger for the other."""
        os.chmod(self.folder, 0o777)
        nobody = pwd.getpwnam("nobody")
        self.listen(user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
        self.assertIn("operation not permitted", self.refused())

        self.activate.kill()
        os.unlink(self.socket)
        self.listen()
        os.chmod(self.socket, 0o777)
        connect = "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); " \
                  "s.connect(sys.argv[1]); s.settimeout(20); sys.exit(len(s.recv(100)))"
        stranger = subprocess.run(["/usr/bin/python3", "-c", connect, self.socket], user=nobody.pw_uid,
                                  group=nobody.pw_gid, extra_groups=[], check=False, timeout=300)
        self.assertEqual(stranger.returncode, 0)  # not a word
        wait_for(lambda: "Operation not permitted" in self.read("activate.log"), what="the spawner's reason")


if __name__ == "__main__":
    main()
