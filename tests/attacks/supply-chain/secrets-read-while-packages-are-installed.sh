# rule: Secrets read while packages are installed
# where: host
attack() {
    mkdir -p /root/.config/gh
    echo token > /root/.config/gh/hosts.yml
    cp /bin/sh node
    echo 'read -r x < /root/.config/gh/hosts.yml; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    mkdir -p /root/.config/gh
    echo token > /root/.config/gh/hosts.yml
    cp /bin/sh node
    echo 'read -r x < /root/.config/gh/hosts.yml; :' > npm-cli.js
    ./node npm-cli.js run build
}
