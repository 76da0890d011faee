# rule: Interpreter given its program through a descriptor
# where: host
attack() {
    echo true > script
    sh /dev/fd/3 3< script
}
near_miss() {
    echo true > script
    cat /dev/fd/3 3< script > /dev/null
    sh script
}
