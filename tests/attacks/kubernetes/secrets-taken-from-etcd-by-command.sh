# rule: Secrets taken from etcd by command
# where: host
attack() {
    ln -s /bin/true etcdctl
    ./etcdctl get /registry/secrets --prefix
}
near_miss() {
    ln -s /bin/true etcdctl
    ./etcdctl endpoint health
}
