# rule: Credentials asked of git by a build
# where: host
attack() {
    ln -s /bin/sh node
    echo 'ln -s /bin/true git; ./git config --get http.https://example.org/.extraheader; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    ln -s /bin/sh node
    echo 'ln -s /bin/true git; ./git describe --tags; :' > npm-cli.js
    ./node npm-cli.js install
}
