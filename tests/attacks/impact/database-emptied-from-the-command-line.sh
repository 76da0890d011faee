# rule: Database emptied from the command line
# where: host
attack() {
    ln -s /bin/true mysql
    ./mysql -e 'DROP DATABASE shop'
}
near_miss() {
    ln -s /bin/true mysql
    ./mysql -e 'SHOW DATABASES'
}
