# rule: Cloud audit trail switched off
# where: host
attack() {
    cp /bin/true aws
    ./aws cloudtrail stop-logging --name main
}
near_miss() {
    cp /bin/true aws
    ./aws cloudtrail get-trail-status --name main
}
