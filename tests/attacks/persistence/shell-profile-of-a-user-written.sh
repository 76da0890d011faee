# rule: Shell profile of a user written
# where: host
attack() {
    echo 'alias sudo=true' >> /root/.bashrc
}
near_miss() {
    echo 'alias sudo=true' >> /root/bashrc.example
}
