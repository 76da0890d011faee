# rule: Environment printed by an install script
# where: host
attack() {
    ln -s /bin/sh node
    echo 'env > variables; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    ln -s /bin/sh node
    echo 'env true; :' > npm-cli.js
    ./node npm-cli.js install
}
