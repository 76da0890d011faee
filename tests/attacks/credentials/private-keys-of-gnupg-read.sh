# rule: Private keys of GnuPG read
# where: host
attack() {
    mkdir -p /root/.gnupg/private-keys-v1.d && echo key > /root/.gnupg/private-keys-v1.d/0A1B.key
    cat /root/.gnupg/private-keys-v1.d/0A1B.key > /dev/null
}
near_miss() {
    mkdir -p /root/.gnupg && echo key > /root/.gnupg/pubring.kbx
    cat /root/.gnupg/pubring.kbx > /dev/null
}
