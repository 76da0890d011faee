# rule: Database emptied from the command line
# where: host
attack() {
    cp /bin/true mysql
    ./mysql -e 'DROP DATABASE shop'
}
near_miss() {
    cp /bin/true mysql
    ./mysql -e 'SHOW DATABASES'
}
