# rule: Shell started by a database
# where: host
attack() {
    ln -s /bin/sh postgres
    ./postgres -c 'sh -c "exit 0"; :'
}
near_miss() {
    ln -s /bin/sh postgres
    ./postgres -c 'sh -c "test ! -f wal/1 && cp pg_wal/1 wal/1" 2> /dev/null; :'
}
