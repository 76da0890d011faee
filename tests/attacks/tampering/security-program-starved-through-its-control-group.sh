# rule: Security program starved through its control group
# where: host
attack() {
    mkdir -p system.slice/sensor.service
    echo 1 > system.slice/sensor.service/cgroup.freeze
}
near_miss() {
    mkdir -p system.slice/shop.service
    echo 1 > system.slice/shop.service/cgroup.freeze
}
