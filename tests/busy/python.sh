# Scripts of every day: one-liners, an environment with packages, tests, a small server.
# needs: python3
# network: host
work() {
    python3 -c 'import json, sys; print(json.dumps({"version": sys.version}))'
    python3 -m venv --without-pip environment
    environment/bin/python -c 'import ssl, sqlite3; print(ssl.OPENSSL_VERSION)'
    mkdir -p package/greeting
    echo 'def greet(): return "hello"' > package/greeting/__init__.py
    printf 'from setuptools import setup\nsetup(name="greeting", version="1", packages=["greeting"])\n' > package/setup.py
    python3 -m venv with-pip
    with-pip/bin/pip install -q --disable-pip-version-check setuptools wheel
    with-pip/bin/pip install -q --disable-pip-version-check --no-build-isolation ./package
    with-pip/bin/python -c 'import greeting; print(greeting.greet())'
    with-pip/bin/pip list
    with-pip/bin/pip uninstall -q -y greeting
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
    python3 -m http.server 8017 --bind 127.0.0.1 &
    server=$!
    sleep 1
    python3 -c 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:8017/").status)'
    kill "$server"
    perl -e 'print "perl as well\n"'
    awk 'BEGIN { print "and awk" }'
}
