# rule: Rights over the whole cluster given by command
# where: host
attack() {
    cp /bin/true kubectl
    ./kubectl create clusterrolebinding x --clusterrole=cluster-admin --serviceaccount=default:x
}
near_miss() {
    cp /bin/true kubectl
    ./kubectl create clusterrolebinding x --clusterrole=view --serviceaccount=default:x
}
