# rule: Secrets taken from etcd by command
# where: host
attack() {
    cp /bin/true etcdctl
    ./etcdctl get /registry/secrets --prefix
}
near_miss() {
    cp /bin/true etcdctl
    ./etcdctl endpoint health
}
