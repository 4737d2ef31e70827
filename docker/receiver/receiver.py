# SPDX-License-Identifier: Apache-2.0
"""Prints the alerts that Alertmanager sends, one line each, and serves the runbooks.

receiver.py PORT RUNBOOKS_DIR; receiver.py --check PORT exits 0 when one listens there."""

import http.server
import json
import pathlib
import sys
import urllib.parse
import urllib.request

BODY_LIMIT_BYTES = 4 * 1024 * 1024


def printable(text):
    """One line of text: what came over the network must not steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def describe(alert):
    labels, notes = alert.get("labels", {}), alert.get("annotations", {})
    head = f"{alert.get('status', '?').upper():8} {labels.get('severity', '?'):8} {labels.get('alertname', '?')}"
    return printable(f"{head}: {notes.get('description') or notes.get('summary', '')}")


class Handler(http.server.BaseHTTPRequestHandler):
    runbooks = pathlib.Path()
    timeout = 10  # seconds that a client may be silent

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == "/-/healthy":
            return self.answer(200, "healthy\n")
        pages = {f"/runbooks/{page.name}": page for page in self.runbooks.glob("*.md")}
        if path == "/":
            return self.answer(200, "\n".join(sorted(pages)) + "\n")
        if path in pages:
            return self.answer(200, pages[path].read_text(encoding="utf-8"))
        return self.answer(404, "not found\n")

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if self.path != "/alerts":
            return self.answer(404, "not found\n")
        if not length.isdigit():
            return self.answer(411, "a length is missing\n")
        if int(length) > BODY_LIMIT_BYTES:
            return self.answer(413, "too large\n")
        try:
            alerts = json.loads(self.rfile.read(int(length)))["alerts"]
            lines = [describe(alert) for alert in alerts]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self.answer(400, f"not what Alertmanager sends: {error}\n")
        for line in lines:
            print(line, flush=True)
        return self.answer(200, "printed\n")

    def log_message(self, *_):
        """Only alerts are printed."""


def main():
    if sys.argv[1] == "--check":
        urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[2]}/-/healthy", timeout=3).close()
        return
    Handler.runbooks = pathlib.Path(sys.argv[2])
    http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
