# rule: Package published by an install script
# where: host
attack() {
    ln -s /bin/sh node
    echo 'ln -s /bin/true trufflehog; ./trufflehog filesystem /; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    ln -s /bin/sh node
    echo 'ln -s /bin/true eslint; ./eslint .; :' > npm-cli.js
    ./node npm-cli.js install
}
