# rule: Account created by hand
# where: host
attack() {
    cp /bin/true useradd
    ./useradd -m attackstory
}
near_miss() {
    cp /bin/true userdel
    ./userdel attackstory
}
