# rule: Name resolution changed
# where: host
attack() {
    cp /etc/hosts "$WORK/h"
    cat "$WORK/h" > /etc/hosts
}
near_miss() {
    cat /etc/hosts > "$WORK/h"
}
