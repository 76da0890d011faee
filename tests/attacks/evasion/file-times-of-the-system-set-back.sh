# rule: File times of the system set back
# where: host
attack() {
    touch -d 2020-01-01 /usr/bin/env
}
near_miss() {
    touch -d 2020-01-01 "$WORK/notes"
}
