# rule: Build runner's own files changed
# where: host
attack() {
    mkdir -p /opt/actions-runner
    echo PATH=/x > /opt/actions-runner/.env
}
near_miss() {
    mkdir -p /opt/actions-runner/_work/shop
    echo PATH=/x > /opt/actions-runner/_work/shop/.env
}
