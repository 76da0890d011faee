# rule: Cloud credentials read with a file tool
# where: host
attack() {
    mkdir -p /root/.aws && echo secret > /root/.aws/credentials
    cat /root/.aws/credentials > /dev/null
}
near_miss() {
    mkdir -p /root/.aws && echo region > /root/.aws/config
    cat /root/.aws/config > /dev/null
}
