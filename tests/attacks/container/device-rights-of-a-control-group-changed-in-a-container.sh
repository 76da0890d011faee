# rule: Device rights of a control group changed in a container
# where: container
attack() {
    mkdir group
    echo 'a *:* rwm' > group/devices.allow
}
near_miss() {
    mkdir group
    echo 'a *:* rwm' > group/devices.list
}
