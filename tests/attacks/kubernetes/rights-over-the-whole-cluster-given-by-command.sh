# rule: Rights over the whole cluster given by command
# where: host
attack() {
    ln -s /bin/true kubectl
    ./kubectl create clusterrolebinding x --clusterrole=cluster-admin --serviceaccount=default:x
}
near_miss() {
    ln -s /bin/true kubectl
    ./kubectl create clusterrolebinding x --clusterrole=view --serviceaccount=default:x
}
