# rule: Secrets of pods read on the node
# where: host
attack() {
    d=/var/lib/kubelet/pods/7f0c/volumes/kubernetes.io~secret/db; mkdir -p $d && echo x > $d/password
    cat $d/password > /dev/null
}
near_miss() {
    d=/var/lib/kubelet/pods/7f0c/volumes/kubernetes.io~empty-dir/cache; mkdir -p $d && echo x > $d/index
    cat $d/index > /dev/null
}
