# rule: Kernel helper changed from a container
# where: container
attack() {
    mkdir group
    echo /cmd > group/release_agent
}
near_miss() {
    mkdir group
    echo 1 > group/notify_on_release
}
