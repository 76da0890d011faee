# rule: Kubelet asked by hand
# where: container
# needs: curl
attack() {
    curl -sk --max-time 2 https://192.0.2.7:10250/pods || :
}
near_miss() {
    curl -sk --max-time 2 https://192.0.2.7:8443/pods || :
}
