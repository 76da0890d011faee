# rule: Ransom note written
# where: host
attack() {
    echo pay > Restore-My-Files.txt
}
near_miss() {
    echo hello > README.txt
}
