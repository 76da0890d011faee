# rule: Secrets read while packages are installed
# where: host
# needs: perl
attack() {
    mkdir -p /root/.config/gh
    echo token > /root/.config/gh/hosts.yml
    ln -s /bin/sh node
    echo 'echo "open(F, q(/root/.config/gh/hosts.yml)) or die" > steal.pl; perl steal.pl; :' > npm-cli.js
    ./node npm-cli.js install
}
near_miss() {
    mkdir -p /root/.config/gh
    echo token > /root/.config/gh/hosts.yml
    ln -s /bin/sh node
    echo 'echo "open(F, q(/root/.config/gh/hosts.yml)) or die" > steal.pl; perl steal.pl; :' > npm-cli.js
    ./node npm-cli.js run build
}
