# rule: Create Hardlink Over Sensitive Files
attack() {
    ln /etc/shadow /etc/notes
}
near_miss() {
    ln /etc/passwd /etc/notes
}
