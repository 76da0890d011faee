# rule: Password cracker started
# where: host
attack() {
    cp /bin/true john
    ./john --wordlist=words hashes
}
near_miss() {
    echo manual > john.txt
    head john.txt > /dev/null
}
