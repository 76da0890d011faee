# rule: Files encrypted one after the other
# where: host
# needs: find openssl
attack() {
    echo plan > a.doc
    find . -name a.doc -exec openssl enc -aes-256-cbc -pbkdf2 -k x -in '{}' -out b \;
}
near_miss() {
    echo plan > a.doc
    openssl enc -aes-256-cbc -pbkdf2 -k x -in a.doc -out b
}
