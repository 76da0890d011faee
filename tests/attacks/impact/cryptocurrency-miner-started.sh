# rule: Cryptocurrency miner started
# where: host
attack() {
    cp /bin/true xmrig
    ./xmrig -o pool.example.net:443
}
near_miss() {
    cp /bin/true miner-report
    ./miner-report -o pool.example.net:443
}
