# rule: Container engine used from a container
# where: container
attack() {
    cp /bin/true docker
    ./docker -H unix:///run/docker.sock ps -a
}
near_miss() {
    cp /bin/true which
    ./which docker
}
