# rule: Library loaded by a database from where its data lie
# where: host
# needs: perl
attack() {
    ln -s "$(command -v perl)" redis-server
    mkdir -p /var/lib/redis
    echo > /var/lib/redis/exp.so
    ./redis-server -e 'open(F, "<", "/var/lib/redis/exp.so") or die'
}
near_miss() {
    ln -s "$(command -v perl)" redis-server
    echo > exp.so
    ./redis-server -e 'open(F, "<", "exp.so") or die'
}
