# rule: Cloud storage or backups deleted
# where: host
attack() {
    cp /bin/true aws
    ./aws s3 rb --force s3://corp-backups
}
near_miss() {
    cp /bin/true aws
    ./aws s3 ls s3://corp-backups
}
