# rule: Container engine used from a container
# where: container
attack() {
    ln -s /bin/true docker
    ./docker -H unix:///run/docker.sock ps -a
}
near_miss() {
    ln -s /bin/true which
    ./which docker
}
