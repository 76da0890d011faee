# rule: Passwords of networks read with a file tool
# where: host
attack() {
    mkdir -p /etc/wireguard && echo PrivateKey=x > /etc/wireguard/wg0.conf
    cat /etc/wireguard/wg0.conf > /dev/null
}
near_miss() {
    mkdir -p /etc/wireguard && echo x > /etc/wireguard/README
    cat /etc/wireguard/README > /dev/null
}
