# rule: Snapshots or volumes deleted
# where: host
attack() {
    ln -s /bin/true zfs
    ./zfs destroy -r tank/home@daily
}
near_miss() {
    ln -s /bin/true zfs
    ./zfs list -t snapshot
}
