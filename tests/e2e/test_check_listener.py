# SPDX-License-Identifier: Apache-2.0
"""`check listener`: what an author is told of a listener that does not keep the protocol. Each of these is a
program of a few lines with one fault; the first has none."""
import os

from harness import Case, main

LISTENER = """#!/usr/bin/python3 -S
import json, sys, time

def say(message):
    print(message if isinstance(message, str) else json.dumps(message), flush=True)

KEYS = ["team"]

def answer(asked):
    say({"completion": asked["completion"], "labels": {"team": "blue"}})

def told(event):
    pass

def over():
    pass

# FAULT
sys.stdin.readline()
say({"name": "faulty", "version": "1.0", "output_keys": KEYS, "events": ["failure", "exhausted"]})
for line in sys.stdin:
    message = json.loads(line)
    answer(message) if "completion" in message else told(message)
over()
"""


class CheckListener(Case):
    def check(self, fault, mode=0o755):
        path = self.write("listener.py", LISTENER.replace("# FAULT", fault))
        os.chmod(path, mode)
        return self.run_program("check", "listener", path)

    def refused(self, fault, says, **options):
        ended = self.check(fault, **options)
        self.assertEqual(ended.returncode, 1, ended.stdout + ended.stderr)
        self.assertIn(says, ended.stderr)

    def test_a_good_one(self):
        ended = self.check("")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        for step in ("name faulty, version 1.0, 1 output keys", "a failure: answered", "with every byte in its texts",
                     "each answered once", "the end of its input: it ended"):
            self.assertIn(step, ended.stdout)

    def test_files(self):
        ended = self.run_program("check", "listener", self.path("nothing"))
        self.assertEqual(ended.returncode, 1)
        self.assertIn("nothing: there is no such file", ended.stderr)
        self.refused("", "may be written by others, who could replace the listener", mode=0o777)

    def test_first_line(self):
        self.refused("sys.exit(0)", "it ended, or closed its output")
        self.refused("time.sleep(1000)", "nothing came from it within")
        self.refused("KEYS = ['job_name']", 'the output key "job_name" is reserved or no label name')
        self.refused("print('garbage', flush=True)", "its first line is no JSON object: garbage")

    def test_answers(self):
        self.refused("KEYS = []", "a label that it does not declare: team")
        self.refused("def answer(asked): say({'completion': asked['completion'], 'error': 'no idea'})",
                     "it answered an error: no idea")
        self.refused("def answer(asked): say({'completion': asked['completion'], 'tag': 'x'})",
                     "it answered a tag though it declares output keys")
        self.refused("def answer(asked): [say({'completion': asked['completion'], 'labels': {}}) for _ in '12']",
                     "it answered twice, or what it was not asked")
        self.refused("def answer(asked): say({'completion': asked['completion'] + 1, 'labels': {}})",
                     "it answered twice, or what it was not asked")
        self.refused("def answer(asked): say('short\\nand more')", "a line that is none of the protocol: short\n")
        self.refused("def answer(asked): sys.exit(0)", "it ended, or closed its output")

    def test_the_end(self):
        self.refused("def over(): sys.exit(3)", "it ended badly when its input ended: exit status 3")
        self.refused("def over(): time.sleep(1000)", "it did not end within")


if __name__ == "__main__":
    main()
