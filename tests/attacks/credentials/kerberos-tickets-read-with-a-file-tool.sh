# rule: Kerberos tickets read with a file tool
# where: host
attack() {
    echo ticket > /tmp/krb5cc_1000
    cat /tmp/krb5cc_1000 > /dev/null
}
near_miss() {
    echo config > /etc/krb5.conf
    cat /etc/krb5.conf > /dev/null
}
