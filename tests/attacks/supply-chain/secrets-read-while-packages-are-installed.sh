# rule: Secrets read while packages are installed
# where: host
attack() {
    mkdir -p /root/.config/gh
    echo token > /root/.config/gh/hosts.yml
    ln -s /bin/sh node
    echo 'sh -c "read -r x < /root/.config/gh/hosts.yml; :"; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    mkdir -p /root/.config/gh
    echo token > /root/.config/gh/hosts.yml
    ln -s /bin/sh node
    echo 'sh -c "read -r x < /root/.config/gh/hosts.yml; :"; :' > npm-cli.js
    ./node npm-cli.js run build
}
