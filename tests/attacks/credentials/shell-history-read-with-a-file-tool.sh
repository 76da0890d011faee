# rule: Shell history read with a file tool
# where: host
attack() {
    echo 'mysql -pgeheim' > /root/.bash_history
    grep -i pass /root/.bash_history || true
}
near_miss() {
    echo 'alias ll=ls' > /root/.bash_aliases
    grep -i pass /root/.bash_aliases || true
}
