# rule: Cloud storage or backups deleted
# where: host
attack() {
    ln -s /bin/true aws
    ./aws s3 rb --force s3://corp-backups
}
near_miss() {
    ln -s /bin/true aws
    ./aws s3 ls s3://corp-backups
}
