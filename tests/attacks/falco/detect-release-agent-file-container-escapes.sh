# rule: Detect release_agent File Container Escapes
# where: container
# needs: setpriv
# A hierarchy of its own, where the kernel still has the old ones; without any cgroup
# in it that could become empty, the agent never runs.
hierarchy() {
    mkdir "$WORK/cgroup"
    mount -t cgroup -o none,name=attack attack "$WORK/cgroup" || true
}
attack() {
    hierarchy
    echo /bin/true > "$WORK/cgroup/release_agent"
}
near_miss() {
    hierarchy
    cat "$WORK/cgroup/release_agent" > /dev/null 2>&1 || true
    echo 0 > "$WORK/cgroup/notify_on_release"
}
cleanup() {
    umount "$WORK/cgroup" || true
}
