# rule: Cryptocurrency miner started
# where: host
attack() {
    ln -s /bin/true xmrig
    ./xmrig -o pool.example.net:443
}
near_miss() {
    ln -s /bin/true miner-report
    ./miner-report -o pool.example.net:443
}
