# rule: Credentials of the build runner read
# where: host
attack() {
    mkdir -p /opt/actions-runner
    echo key > /opt/actions-runner/.credentials_rsaparams
    cat /opt/actions-runner/.credentials_rsaparams > /dev/null
}
near_miss() {
    mkdir -p /opt/actions-runner
    echo key > /opt/actions-runner/.path
    cat /opt/actions-runner/.path > /dev/null
}
