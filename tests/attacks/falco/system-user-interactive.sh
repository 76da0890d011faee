# rule: System user interactive
# needs: setpriv
# What a login over SSH starts, as a user who never logs in and as one who does.
login() {
    cp /bin/sh "$WORK/sshd"
    "$WORK/sshd" -c "setpriv --reuid=$1 --regid=$1 --clear-groups id > /dev/null; :"
}
attack() {
    login daemon
}
near_miss() {
    login root
}
