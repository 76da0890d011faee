# rule: Data of etcd opened by a stranger
# where: host
attack() {
    mkdir -p /var/lib/etcd/member/snap
    echo secrets > /var/lib/etcd/member/snap/db
    grep -c password /var/lib/etcd/member/snap/db > /dev/null || :
}
near_miss() {
    mkdir -p /var/lib/etcd/other
    echo secrets > /var/lib/etcd/other/db
    grep -c password /var/lib/etcd/other/db > /dev/null || :
}
