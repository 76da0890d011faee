# Scripts of every day: one-liners, an environment with packages, tests, a small server.
# needs: python3
work() {
    python3 -c 'import json, sys; print(json.dumps({"version": sys.version}))'
    python3 -m venv --without-pip environment
    environment/bin/python -c 'import ssl, sqlite3; print(ssl.OPENSSL_VERSION)'
    cat > test_it.py <<'PY'
import subprocess, tempfile, unittest

class It(unittest.TestCase):
    def test_runs_a_program(self):
        self.assertIn("root", subprocess.run("id", shell=True, capture_output=True, text=True).stdout)

    def test_runs_what_it_wrote(self):
        with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
            file.write("echo done\n")
            file.flush()
            self.assertEqual(subprocess.check_output(["sh", file.name]), b"done\n")

unittest.main()
PY
    python3 test_it.py
    python3 -m compileall -q .
    python3 -m http.server 8000 --bind 127.0.0.1 &
    server=$!
    sleep 1
    python3 -c 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:8000/").status)'
    kill "$server"
    perl -e 'print "perl as well\n"'
    awk 'BEGIN { print "and awk" }'
}
