# SPDX-License-Identifier: Apache-2.0
"""The commands as a newcomer types them: missing, wrong and mistyped words, nobody who answers, nowhere to print."""
import os
import socket
import subprocess
import unittest

from harness import PROGRAM, Case, main

JOB = "name: demo\nvertices: [{id: a, command: ['true']}]\n"


class Cli(Case):
    def refuses(self, *arguments, says, status=1):
        answer = self.run_program(*arguments)
        self.assertEqual((answer.returncode, answer.stdout), (status, ""), arguments)
        self.assertTrue(answer.stderr.startswith("failover_exporter: "), answer.stderr)
        self.assertEqual(answer.stderr.count("\n"), 1, answer.stderr)
        self.assertIn(says, answer.stderr, arguments)

    def commands(self):
        lines = self.run_program("help").stdout.splitlines()
        return [line.split()[0] for line in lines if line.startswith("  ")]

    def test_help(self):
        commands = self.commands()
        self.assertGreater(len(commands), 15)
        for command in commands:
            shown = self.run_program("help", command)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""), command)
            self.assertTrue(shown.stdout, command)
        self.assertEqual(self.run_program("help", "status").stdout, self.run_program("status", "--help").stdout)
        self.assertIn("failover_exporter help", self.run_program("--help").stdout)
        self.assertEqual(self.run_program("check", "rules", "--help").stdout, self.run_program("help", "check").stdout)
        self.assertNotIn("--follow", self.run_program("cancel", "--help").stdout)

    def test_words_that_are_none(self):
        self.refuses("staus", says="did you mean status?")
        self.refuses("help", "staus", says="did you mean status?")
        self.refuses("frobnicate", "x", says="failover_exporter help")
        self.refuses("", says="is no command")
        self.refuses("serve", "--storage-path=/x", says="did you mean --storage.path?")
        self.refuses("list", "--frobnicate", says="unknown flag --frobnicate; see --help")
        self.refuses("check", "jobs", "x", says="config, job, rules or listener")
        self.refuses("check", says="config, job, rules or listener")

    def test_arguments(self):
        for command in ("status", "failures", "logs", "cancel", "restart", "pause", "resume"):
            for arguments in ((), ("",), ("a", "b", "c")):
                self.refuses(command, *arguments, says=f"usage: failover_exporter {command} [flags] JOB")
            self.refuses(command, "a", "--json=perhaps" if command != "logs" else "--follow=perhaps", says="true or false")
        for arguments in (("list", "a"), ("submit",), ("submit", "a", "b")):
            self.refuses(*arguments, says="usage: ")
        for arguments in (("healthcheck", "x"), ("metrics", "x"), ("list", "--max=1"), ("cancel", "a", "--follow"),
                          ("logs", "a", "--json")):
            self.refuses(*arguments, says="see --help")
        self.refuses("failures", "a", "--max=-1", says="a whole number")
        self.refuses("failures", "a", "--max", says="a whole number")
        for arguments in (("plan",), ("plan", "a", "b"), ("run",), ("run", "a", "b")):
            self.refuses(*arguments, says="see --help", status=2)
        self.refuses("plan", self.write("job.yaml", JOB), "--fail", says="needs a value", status=2)

    def test_nobody_answers(self):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(self.path("dead.sock"))
        for command in (("list",), ("status", "a"), ("cancel", "a", "--json"), ("submit", self.write("job.yaml", JOB))):
            self.refuses(*command, says="which daemon?")
            self.refuses(*command, f"--storage.path={self.folder}", says="no daemon has its socket there")
            self.refuses(*command, f"--control.socket={self.path('dead.sock')}", says="does not run any more")
        self.refuses("healthcheck", f"--storage.path={self.folder}", "--web.listen-address=127.0.0.1:1",
                     says="no daemon has its socket there")
        self.refuses("submit", self.folder, f"--storage.path={self.folder}", says="Is a directory")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to be somebody else")
    def test_no_permission(self):
        os.chmod(self.folder, 0o700)
        try:
            answer = subprocess.run([PROGRAM, "list", f"--storage.path={self.folder}"], user=65534, group=65534,
                                    extra_groups=[], capture_output=True, text=True, check=False)
        except PermissionError:
            self.skipTest("somebody else may not run the program where it is built")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("own user", answer.stderr)

    def test_nowhere_to_print(self):
        job = self.write("job.yaml", JOB)
        for arguments in (("help",), ("version",), ("serve", "--help"), ("metrics",), ("check", "job", job),
                          ("plan", job, "--fail=a[0]", "--json"), ("classify", job)):
            with open("/dev/full", "w", encoding="ascii") as full:
                answer = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(answer.returncode, 1, arguments)
            self.assertIn("failover_exporter: ", answer.stderr, arguments)
        head = subprocess.run(["sh", "-c", f"{PROGRAM} metrics | head -1"], capture_output=True, text=True, check=False)
        self.assertEqual((head.returncode, head.stderr), (0, ""))
        self.assertEqual(head.stdout.count("\n"), 1)


if __name__ == "__main__":
    main()
