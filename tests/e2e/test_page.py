# SPDX-License-Identifier: Apache-2.0
"""The status page as files over HTTP: who gets it, how it is kept, what it may load."""
import gzip
import http.client
import re

from harness import Case, main, own_address
from test_control import free_port

JOB = "name: demo\nvertices: [{id: a, command: [sleep, '1000']}]\n"
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


class Page(Case):
    @classmethod
    def setUpClass(cls):
        owner = cls()
        owner.setUp()
        cls.addClassCleanup(owner.doCleanups)
        cls.address = own_address()
        cls.port = cls.address and free_port(cls.address)
        flags = [f"--web.listen-address={cls.address}:{cls.port}"] if cls.address else []
        cls.server = owner.daemon(*flags, owner.write("job.yaml", JOB))

    def assets(self):
        """Paths of the files that the page names, and that those name in turn."""
        found = {}
        wanted = re.findall(r'(?:src|href)="(assets/[^"]+)"', self.server.get("/")[1])
        while wanted:
            path = wanted.pop()
            if path in found:
                continue
            status, found[path], _ = self.server.get("/" + path)
            self.assertEqual(status, 200, path)
            wanted += [path.rsplit("/", 1)[0] + "/" + name
                       for name in re.findall(r"from '\./([a-z]+\.js)'", found[path])]
        return found

    def test_the_page_and_its_files(self):
        status, text, headers = self.server.get("/")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(headers["Content-Security-Policy"], POLICY)
        self.assertEqual(headers["Cache-Control"], "private, no-cache")
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        for forbidden in (" style=", "<style", "onclick", "javascript:", "http:", "https:"):
            self.assertNotIn(forbidden, text)
        self.assertNotRegex(text, r"<script(?![^>]*\bsrc=)")
        assets = self.assets()
        self.assertGreater(len(assets), 10)
        for path, content in assets.items():
            self.assertNotRegex(content, r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", path)
            self.assertNotRegex(content.replace("http://www.w3.org/", ""), r"https?://", path)

    def test_files_are_kept(self):
        for path in ("/", "/" + next(iter(self.assets()))):
            _, plain, headers = self.server.fetch(path)
            self.assertIn("Accept-Encoding", headers["Vary"])
            status, body, again = self.server.fetch(path, **{"If-None-Match": headers["ETag"]})
            self.assertEqual((status, body), (304, b""))
            self.assertEqual(again["ETag"], headers["ETag"])
            self.assertEqual(self.server.fetch(path, **{"If-None-Match": '"other"'})[0], 200)
            _, packed, encoded = self.server.fetch(path, **{"Accept-Encoding": "gzip, deflate, br, zstd"})
            self.assertEqual(encoded["Content-Encoding"], "gzip")
            self.assertEqual(gzip.decompress(packed), plain)
            status, body, head = self.server.fetch(path, method="HEAD")
            self.assertEqual((status, body, head["Content-Length"]), (200, b"", str(len(plain))))
        self.assertEqual(headers["Cache-Control"], "private, max-age=31536000, immutable")

    def test_other_files_are_not_there(self):
        version = next(iter(self.assets())).split("/")[1]
        for path in ("/assets/0123456789abcdef/app.js", f"/assets/{version}/index.html", f"/assets/{version}/other.js",
                     f"/assets/{version}/..%2fapp.js"):
            self.assertEqual(self.server.fetch(path)[0], 404, path)

    def test_others_get_the_landing_page(self):
        if not self.address:
            self.skipTest("this machine has no address but loopback")
        for path, wanted, content in (("/", 200, 'metrics"'), ("/" + next(iter(self.assets())), 403, "not for")):
            connection = http.client.HTTPConnection(self.address, self.port, timeout=120)
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
            connection.close()
            self.assertEqual(answer.status, wanted, path)
            self.assertIn(content, body)
            self.assertNotIn("assets/", body)


if __name__ == "__main__":
    main()
