# rule: Database passwords read with a file tool
# where: host
attack() {
    mkdir -p /etc/mysql && echo password=x > /etc/mysql/debian.cnf
    cat /etc/mysql/debian.cnf > /dev/null
}
near_miss() {
    mkdir -p /etc/mysql && echo '[mysqld]' > /etc/mysql/my.cnf
    cat /etc/mysql/my.cnf > /dev/null
}
