# rule: Find AWS Credentials
attack() {
    grep -r aws_secret_access_key "$WORK" || true
}
near_miss() {
    grep -r aws_default_region "$WORK" || true
}
