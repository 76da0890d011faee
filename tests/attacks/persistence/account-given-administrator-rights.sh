# rule: Account given administrator rights
# where: host
attack() {
    cp /bin/true useradd
    ./useradd -o -u 0 -g 0 attackstory
}
near_miss() {
    cp /bin/true useradd
    ./useradd -m attackstory
}
