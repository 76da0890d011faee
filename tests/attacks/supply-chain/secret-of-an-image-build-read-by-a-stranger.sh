# rule: Secret of an image build read by a stranger
# where: container
attack() {
    mkdir -p /run/secrets
    echo token > /run/secrets/npmrc
    base64 /run/secrets/npmrc > /dev/null
}
near_miss() {
    mkdir -p /run/secrets
    echo token > /run/secrets/npmrc
    sort /run/secrets/npmrc > /dev/null
}
