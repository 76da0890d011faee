# A developer installs packages with npm, runs their scripts and tests, and starts a server.
# needs: node npm unshare
work() {
    mkdir -p library project
    cat > library/package.json <<'J'
{"name": "library", "version": "1.0.0", "main": "index.js",
 "scripts": {"postinstall": "node -e \"require('fs').writeFileSync('built', 'yes')\""}}
J
    echo 'module.exports = () => 42;' > library/index.js
    (cd library && npm pack --silent)
    cd project
    cat > package.json <<'J'
{"name": "project", "version": "1.0.0", "private": true,
 "scripts": {"build": "mkdir -p dist && cp index.js dist/", "test": "node --test"}}
J
    npm install --no-audit --no-fund --offline ../library/library-1.0.0.tgz
    cat > index.js <<'J'
const answer = require('library');
const { execFileSync, exec } = require('child_process');
console.log(answer(), execFileSync('git', ['--version']).toString());
exec('uname -a', (error, out) => console.log(out));
J
    cat > it.test.js <<'J'
const test = require('node:test');
const assert = require('node:assert');
test('answers', () => assert.strictEqual(require('library')(), 42));
J
    npm run build
    npm test
    node index.js
    echo "require('http').createServer((q, a) => a.end('ok')).listen(8080, '127.0.0.1');" > server.js
    node server.js &
    server=$!
    sleep 1
    node -e "require('http').get('http://127.0.0.1:8080/', a => console.log(a.statusCode))"
    kill "$server"
}
