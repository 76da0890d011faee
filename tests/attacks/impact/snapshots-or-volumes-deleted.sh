# rule: Snapshots or volumes deleted
# where: host
attack() {
    cp /bin/true zfs
    ./zfs destroy -r tank/home@daily
}
near_miss() {
    cp /bin/true zfs
    ./zfs list -t snapshot
}
