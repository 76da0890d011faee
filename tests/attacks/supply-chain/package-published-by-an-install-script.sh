# rule: Package published by an install script
# where: host
attack() {
    cp /bin/sh node
    echo 'cp /bin/true trufflehog; ./trufflehog filesystem /; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    cp /bin/sh node
    echo 'cp /bin/true eslint; ./eslint .; :' > npm-cli.js
    ./node npm-cli.js install
}
