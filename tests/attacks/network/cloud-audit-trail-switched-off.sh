# rule: Cloud audit trail switched off
# where: host
attack() {
    ln -s /bin/true aws
    ./aws cloudtrail stop-logging --name main
}
near_miss() {
    ln -s /bin/true aws
    ./aws cloudtrail get-trail-status --name main
}
