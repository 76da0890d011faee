# rule: Create Symlink Over Sensitive Files
attack() {
    ln -s /etc/shadow "$WORK/notes"
}
near_miss() {
    ln -s /etc/passwd "$WORK/notes"
}
