# rule: Service account token read with a file tool
# where: container
attack() {
    mkdir -p run/secrets/kubernetes.io/serviceaccount && echo token > run/secrets/kubernetes.io/serviceaccount/token
    cat run/secrets/kubernetes.io/serviceaccount/token > /dev/null
}
near_miss() {
    mkdir -p run/secrets/kubernetes.io/serviceaccount && echo shop > run/secrets/kubernetes.io/serviceaccount/namespace
    cat run/secrets/kubernetes.io/serviceaccount/namespace > /dev/null
}
