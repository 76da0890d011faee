# rule: Pipeline changed by a build
# where: host
attack() {
    cp /bin/sh node
    echo 'mkdir -p .github/workflows; echo on: push > .github/workflows/lint.yml; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    cp /bin/sh node
    echo 'mkdir -p .github/notes; echo on: push > .github/notes/lint.yml; :' > npm-cli.js
    ./node npm-cli.js install
}
