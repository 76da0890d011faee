# rule: Pipeline changed by a build
# where: host
attack() {
    ln -s /bin/sh node
    echo 'mkdir -p .github/workflows; sh -c "echo on: push > .github/workflows/lint.yml; :"; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    ln -s /bin/sh node
    echo 'mkdir -p .github/notes; sh -c "echo on: push > .github/notes/lint.yml; :"; :' > npm-cli.js
    ./node npm-cli.js install
}
