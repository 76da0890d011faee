# rule: Private keys of certificates read with a file tool
# where: host
attack() {
    mkdir -p /etc/ssl/private && echo key > /etc/ssl/private/shop.key
    base64 /etc/ssl/private/shop.key > /dev/null
}
near_miss() {
    mkdir -p /etc/ssl && echo cert > /etc/ssl/shop.crt
    base64 /etc/ssl/shop.crt > /dev/null
}
