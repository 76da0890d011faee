# rule: Git hook written
# where: host
attack() {
    mkdir -p repo/.git/hooks
    echo true > repo/.git/hooks/pre-commit
}
near_miss() {
    mkdir -p repo/.git/hooks
    echo true > repo/.git/hooks/pre-commit.sample
}
