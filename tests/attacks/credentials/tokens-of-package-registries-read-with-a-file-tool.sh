# rule: Tokens of package registries read with a file tool
# where: host
attack() {
    mkdir -p /root && echo token > /root/.npmrc
    cat /root/.npmrc > /dev/null
}
near_miss() {
    mkdir -p /root && echo fund=false > /root/npmrc.example
    cat /root/npmrc.example > /dev/null
}
