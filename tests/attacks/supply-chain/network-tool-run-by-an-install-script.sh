# rule: Network tool run by an install script
# where: host
attack() {
    cp /bin/sh node
    echo 'cp /bin/true curl; ./curl -s https://192.0.2.9/?u=build; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    cp /bin/sh node
    echo 'cp /bin/true curl; ./curl -s https://192.0.2.9/?u=build; :' > npm-cli.js
    ./node npm-cli.js run build
}
